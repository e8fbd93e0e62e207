//! What Dovecot answers, and what we answer: the transcripts in `dovecot/`, replayed.
//!
//! Compared are the untagged responses of each command, whatever their order, and its status and response code. Left
//! out is what may differ: numbers that servers choose (UIDVALIDITY, mod-sequences), `\Recent`, UIDs in unsolicited
//! FETCH responses, quotes around names, texts for people, and codes where Dovecot gives none.

use std::collections::HashMap;

use mailstore::QuotaLimit;

use crate::bench::{Bench, Client};

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
        let got = clients.get_mut(&who).unwrap().ask(&filled).await;
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
    let plain = !told.iter().any(|line| line.contains("Children"));
    // Where Dovecot tells the UIDs, they are compared, and the numbers are not: both may tell FETCH before or after
    // what vanished.
    let by_uid = !told.iter().any(|line| line.contains(" FETCH (") && !line.contains("UID "));
    let modseq = told.iter().any(|line| line.contains("[HIGHESTMODSEQ "));
    let asked = Asked { opens, plain, by_uid, modseq };
    let normal = |line: &str| normalised(line, asked);
    let mut wanted_lines: Vec<String> = told.iter().copied().filter_map(normal).collect();
    let mut got_lines: Vec<String> = said.iter().map(String::as_str).filter_map(normal).collect();
    wanted_lines.sort();
    got_lines.sort();
    assert_eq!(got_lines, wanted_lines, "{command}: {got:#?}");
    let answer = last.split_once(' ').unwrap().1;
    let (status, code) = end.split_once(' ').unwrap_or((end, ""));
    assert!(answer.starts_with(status), "{command}: {answer} for {end}");
    if !code.is_empty() && code != "[CLIENTBUG]" {
        assert!(masked(answer).contains(&masked(code)), "{command}: {answer} for {end}");
    }
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
    let mut text = line.replace('"', "").replace("\\Recent", "");
    if let Some((coded, _)) = text.clone().split_once("] ") {
        text = format!("{coded}]");
    }
    if let Some((head, items)) = text.clone().split_once(" FETCH (") {
        let uid = items.split_once("UID ").filter(|_| by_uid).map(|(_, rest)| {
            let end = rest.find([' ', ')']).unwrap();
            format!("UID {}", &rest[..end])
        });
        let items = fetched(items.strip_suffix(')').unwrap());
        return Some(format!("{} FETCH {items}", uid.as_deref().unwrap_or(head)));
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

/// Items of a FETCH in one order, flags too, without UID and with mod-sequences masked.
fn fetched(items: &str) -> String {
    let mut out = Vec::new();
    let mut rest = items.trim();
    while !rest.is_empty() {
        let (name, value) = rest.split_once(' ').unwrap();
        let end = match value.starts_with('(') {
            true => value.find(')').unwrap() + 1,
            false => value.find(' ').unwrap_or(value.len()),
        };
        let mut words: Vec<&str> = value[..end].trim_matches(['(', ')']).split_whitespace().collect();
        words.sort_unstable();
        match name {
            "UID" => {}
            "MODSEQ" => out.push("MODSEQ".to_owned()),
            _ => out.push(format!("{name} {words:?}")),
        }
        rest = value[end..].trim_start();
    }
    out.sort();
    out.join(" ")
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
