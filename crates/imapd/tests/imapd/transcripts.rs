//! What Dovecot answers, and what we answer: the transcripts in `dovecot/`, replayed.
//!
//! Compared are the untagged responses of each command, whatever their order, and its status and response code. Left
//! out is what may differ: numbers that servers choose (UIDVALIDITY, mod-sequences), `\Recent`, UIDs in unsolicited
//! FETCH responses, how a string is written, texts for people, what a server calls itself, and codes where Dovecot gives
//! none.

use std::collections::HashMap;

use mailstore::QuotaLimit;

use crate::bench::{Bench, Client};
use crate::content::Packed;

#[tokio::test]
async fn base() {
    replay(include_str!("dovecot/base.txt")).await;
}

#[tokio::test]
async fn condstore() {
    replay(include_str!("dovecot/condstore.txt")).await;
}

#[tokio::test]
async fn qresync() {
    replay(include_str!("dovecot/qresync.txt")).await;
}

#[tokio::test]
async fn lists() {
    replay(include_str!("dovecot/lists.txt")).await;
}

#[tokio::test]
async fn more() {
    replay(include_str!("dovecot/more.txt")).await;
}

async fn replay(transcript: &str) {
    let bench = Bench::start().await;
    let limit = QuotaLimit { bytes: Some(1024 * 1024), messages: Some(100) };
    bench.store.set_quota(bench.per, limit).await.unwrap();
    let mut clients: HashMap<char, Client> = HashMap::new();
    let mut kept: HashMap<String, String> = HashMap::new();
    let mut lines = transcript.lines().peekable();
    let mut compared = 0;
    while let Some(line) = lines.next() {
        if let Some(name) = line.strip_prefix("= ") {
            let known = kept["modseq"].clone();
            kept.insert(name.to_owned(), known);
        }
        if let Some(who) = line.strip_suffix('.').filter(|who| who.len() == 1) {
            let told = &lines.next().unwrap()[3..];
            if !told.ends_with(" RECENT") {
                let asked = Asked { opens: false, plain: true, by_uid: false, modseq: false };
                let got = clients.get_mut(&who.chars().next().unwrap()).unwrap().line().await;
                assert_eq!(normalised(&got, asked), normalised(told, asked), "unasked");
            }
        }
        let Some((who, command)) = line.split_once("> ").filter(|(who, _)| who.len() == 1) else { continue };
        let who = who.chars().next().unwrap();
        let mut wanted: Vec<&str> = Vec::new();
        while let Some(told) = lines.next_if(|next| next.starts_with(&format!("{who}< "))) {
            wanted.push(&told[3..]);
        }
        let mut filled = command.replace("\\r\\n", "\r\n");
        for (name, value) in &kept {
            filled = filled.replace(&format!("{{{name}}}"), value);
        }
        if let std::collections::hash_map::Entry::Vacant(place) = clients.entry(who) {
            place.insert(bench.logged_in().await);
        }
        let client = clients.get_mut(&who).unwrap();
        let got = match command {
            "IDLE" => {
                client.send("idle IDLE\r\n").await;
                assert!(client.line().await.starts_with('+'));
                continue;
            }
            "DONE" => {
                client.send("DONE\r\n").await;
                client.until("idle").await
            }
            _ => client.ask(&filled).await,
        };
        if command == "COMPRESS DEFLATE" && wanted == ["OK"] {
            let plain = clients.remove(&who).unwrap();
            clients.insert(who, Client::over(Packed::new(plain.stream)));
        }
        for line in &got {
            for (name, word) in [("modseq", "[HIGHESTMODSEQ "), ("validity", "[UIDVALIDITY ")] {
                if let Some((_, rest)) = line.split_once(word) {
                    kept.insert(name.to_owned(), rest.split(']').next().unwrap().to_owned());
                }
            }
        }
        compare(command, &wanted, &got);
        compared += 1;
    }
    assert!(compared > 10, "the transcript was read");
}

fn compare(command: &str, wanted: &[&str], got: &[String]) {
    let (end, told) = wanted.split_last().unwrap();
    let (last, said) = got.split_last().unwrap();
    let opens = command.starts_with("SELECT") || command.starts_with("EXAMINE");
    let told = joined(told.iter().copied());
    let said = joined(said.iter().map(String::as_str));
    let plain = !told.iter().any(|line| line.contains("Children"));
    // Where Dovecot tells the UIDs, they are compared, and the numbers are not: both may tell FETCH before or after
    // what vanished.
    let by_uid = !told.iter().any(|line| line.contains(" FETCH (") && !line.contains("UID "));
    let modseq = told.iter().any(|line| line.contains("[HIGHESTMODSEQ "));
    let asked = Asked { opens, plain, by_uid, modseq };
    let normal = |line: &str| normalised(line, asked);
    let mut wanted_lines: Vec<String> = told.iter().filter_map(|line| normal(line)).collect();
    let mut got_lines: Vec<String> = said.iter().filter_map(|line| normal(line)).collect();
    wanted_lines.sort();
    got_lines.sort();
    assert_eq!(got_lines, wanted_lines, "{command}: {got:#?}");
    let answer = last.split_once(' ').unwrap().1;
    let (status, code) = end.split_once(' ').unwrap_or((end, ""));
    assert!(answer.starts_with(status), "{command}: {answer} for {end}");
    if !code.is_empty() && code != "[CLIENTBUG]" {
        // A code may tell more than its name (RFC 3501 §7.1, BADCHARSET).
        let code = if code.contains(' ') { code } else { code.trim_end_matches(']') };
        assert!(masked(answer).contains(&masked(code)), "{command}: {answer} for {end}");
    }
}

/// Responses whole, each with its literals, of the lines that they came in.
fn joined<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    // Where the response continues that is not whole yet: its literal's first octet and length.
    let mut literal: Option<(usize, usize)> = None;
    for line in lines {
        match (literal, out.last_mut()) {
            (Some((start, length)), Some(response)) => {
                response.push_str("\r\n");
                response.push_str(line);
                if response.len() - start <= length {
                    continue;
                }
            }
            _ => out.push(line.to_owned()),
        }
        let response = out.last().unwrap();
        let announced = response.strip_suffix('}').and_then(|text| text.rsplit_once('{'));
        literal =
            announced.and_then(|(_, length)| length.parse().ok()).map(|length| (response.len() + 2, length));
    }
    out
}

/// What a command is, where that says what may differ.
#[derive(Clone, Copy)]
struct Asked {
    /// It opens a folder: FLAGS are told.
    opens: bool,
    /// Nobody asked for children.
    plain: bool,
    /// Messages are compared by their UIDs.
    by_uid: bool,
    /// The folder's mod-sequence is told.
    modseq: bool,
}

/// A response without what may differ; `None` where all of it may.
fn normalised(line: &str, asked: Asked) -> Option<String> {
    let Asked { opens, plain, by_uid, modseq } = asked;
    let may_differ = line.ends_with(" RECENT")
        || line.contains("[MAILBOXID ")
        || (!modseq && line.contains("[HIGHESTMODSEQ "));
    if may_differ || (!opens && (line.starts_with("* FLAGS ") || line.contains("[PERMANENTFLAGS "))) {
        return None;
    }
    if line.starts_with("* BYE ") || line.starts_with("* ID ") {
        return line.split(' ').nth(1).map(str::to_owned);
    }
    if let Some((head, items)) = line.split_once(" FETCH (") {
        let uid = items.split_once("UID ").filter(|_| by_uid).map(|(_, rest)| {
            let end = rest.find([' ', ')']).unwrap();
            format!("UID {}", &rest[..end])
        });
        let items = fetched(items.strip_suffix(')').unwrap());
        return Some(format!("{} FETCH {items}", uid.as_deref().unwrap_or(head)));
    }
    let mut text = line.replace('"', "");
    if let Some((coded, _)) = text.clone().split_once("] ") {
        text = format!("{coded}]");
    }
    if text.starts_with("* LIST (") || text.starts_with("* LSUB (") {
        let lsub = text.starts_with("* LSUB");
        let (head, rest) = text.split_once(") ").unwrap();
        let (verb, attributes) = head.split_once('(').unwrap();
        let mut attributes: Vec<&str> = attributes.split(' ').filter(|word| !word.is_empty()).collect();
        attributes.retain(|word| !((plain || lsub) && word.contains("Children")));
        attributes.sort_unstable();
        return Some(format!("{verb}({}) {rest}", attributes.join(" ")));
    }
    if text.starts_with("* ESEARCH") {
        let (_, rest) = text.split_once(')').unwrap();
        let uid = if rest.contains(" UID") { " UID" } else { "" };
        return Some(format!("* ESEARCH{uid} {}", pairs(rest.replace(" UID", "").trim())));
    }
    if let Some(items) = text.strip_prefix("* STATUS ") {
        let (name, items) = items.split_once(" (").unwrap();
        return Some(format!("* STATUS {name} {}", pairs(items.strip_suffix(')').unwrap())));
    }
    if text.contains("FLAGS (") {
        let (head, flags) = text.split_once('(').unwrap();
        let mut words: Vec<&str> = flags.split([' ', ')', ']']).filter(|word| !word.is_empty()).collect();
        words.sort_unstable();
        return Some(format!("{head}{words:?}"));
    }
    Some(masked(&text))
}

/// Items of a FETCH in one order, flags too, without UID and with mod-sequences and the time of saving masked.
fn fetched(items: &str) -> String {
    let mut out = Vec::new();
    let mut rest = items;
    while !rest.is_empty() {
        let mut section = false;
        let end = rest.find(|c: char| {
            section = (section || c == '[') && c != ']';
            c == ' ' && !section
        });
        let (name, value) = rest.split_at(end.unwrap());
        let (value, after) = value_of(&value[1..]);
        match name.to_ascii_uppercase().as_str() {
            "UID" => {}
            name @ ("MODSEQ" | "SAVEDATE") => out.push(name.to_owned()),
            "FLAGS" => {
                let mut words: Vec<&str> = value.trim_matches(['(', ')']).split_whitespace().collect();
                words.retain(|word| *word != "\\Recent");
                words.sort_unstable();
                out.push(format!("FLAGS {words:?}"));
            }
            // Types and names of parameters are the same in any case (RFC 2045 §5.1).
            name @ ("BODY" | "BODYSTRUCTURE") => out.push(format!("{name} {}", value.to_ascii_lowercase())),
            name => out.push(format!("{name} {value}")),
        }
        rest = after.trim_start();
    }
    out.sort();
    out.join(" ")
}

/// The value that a text starts with, the same however it is written; and what follows.
fn value_of(text: &str) -> (String, &str) {
    let string = text.strip_prefix('~').unwrap_or(text);
    if let Some((length, rest)) = string.strip_prefix('{').and_then(|text| text.split_once("}\r\n")) {
        let (value, after) = rest.split_at(length.parse().unwrap());
        return (value.to_owned(), after);
    }
    let (mut depth, mut quoted, mut escaped) = (0, false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth -= 1,
            ' ' if !quoted && depth == 0 => return (unquoted(&text[..at]), &text[at..]),
            _ => {}
        }
    }
    (unquoted(text), "")
}

fn unquoted(text: &str) -> String {
    let inner = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    inner.unwrap_or(text).replace("\\\"", "\"")
}

fn pairs(items: &str) -> String {
    let words: Vec<&str> = items.split(' ').collect();
    let mut out: Vec<String> = words
        .chunks(2)
        .map(|pair| if pair[0] == "HIGHESTMODSEQ" { pair[0].to_owned() } else { pair.join(" ") })
        .collect();
    out.sort();
    out.join(" ")
}

/// The same without the number that a server chooses.
fn masked(text: &str) -> String {
    let mut out = text.to_owned();
    for word in ["[UIDVALIDITY ", "[HIGHESTMODSEQ ", "[COPYUID ", "[APPENDUID "] {
        if let Some((head, rest)) = out.clone().split_once(word) {
            let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit());
            out = format!("{head}{word}N{rest}");
        }
    }
    out
}
