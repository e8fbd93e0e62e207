//! A small IMAP server with one inbox and a few folders, which keeps its word or does not: what it lacks and how it lies is
//! the test's to say. It exists because no server of the field misbehaves on demand.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use tls::Acceptor;
use tokio::sync::watch;

use crate::peer::{Peer, Server, lab};

/// A message of the server.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) flags: Vec<String>,
    pub(crate) date: String,
    pub(crate) text: String,
    pub(crate) modseq: u64,
}

/// A folder of the server.
#[derive(Clone, Debug)]
pub(crate) struct Shelf {
    pub(crate) attributes: &'static str,
    pub(crate) validity: u32,
    pub(crate) next: u32,
    pub(crate) messages: BTreeMap<u32, Stored>,
    /// UID and mod-sequence of what is gone.
    gone: Vec<(u32, u64)>,
}

/// What the server does wrong.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wrong {
    /// Announces this as UIDNEXT.
    pub(crate) uid_next: Option<u32>,
    /// Says that each message has so many octets.
    pub(crate) size: Option<u64>,
    /// Hangs up in the middle of the body of this UID, so many times.
    pub(crate) cut: Option<(u32, u32)>,
    /// Gives the body of another message too, before each one that is asked for.
    pub(crate) swap: bool,
    /// Never ends the answer to a listing.
    pub(crate) endless: bool,
    /// Refuses to open this folder.
    pub(crate) closed: Option<&'static str>,
    /// Refuses logins with this answer.
    pub(crate) login: Option<&'static str>,
    /// Says goodbye in each IDLE.
    pub(crate) bye: bool,
}

/// What stands behind all connections.
pub(crate) struct State {
    pub(crate) capabilities: String,
    pub(crate) folders: BTreeMap<String, Shelf>,
    pub(crate) wrong: Wrong,
    modseq: u64,
}

/// The server. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Field {
    state: Arc<Mutex<State>>,
    changed: Arc<watch::Sender<u64>>,
    server: Arc<Server>,
}

/// A server of today.
pub(crate) const MODERN: &str = "IMAP4rev1 SASL-IR LITERAL+ ENABLE IDLE UIDPLUS SPECIAL-USE LIST-EXTENDED LIST-STATUS CONDSTORE QRESYNC AUTH=XOAUTH2";
/// Mod-sequences, but nothing of what vanished.
pub(crate) const CONDSTORE: &str = "IMAP4rev1 SASL-IR ENABLE IDLE CONDSTORE AUTH=XOAUTH2";
/// As in 2003.
pub(crate) const OLD: &str = "IMAP4rev1 AUTH=XOAUTH2";

impl Field {
    pub(crate) async fn start(capabilities: &str) -> Self {
        let inbox = Shelf {
            attributes: "\\HasNoChildren",
            validity: 7,
            next: 1,
            messages: BTreeMap::new(),
            gone: Vec::new(),
        };
        let state = Arc::new(Mutex::new(State {
            capabilities: capabilities.to_owned(),
            folders: BTreeMap::from([("INBOX".to_owned(), inbox)]),
            wrong: Wrong::default(),
            modseq: 1,
        }));
        let changed = Arc::new(watch::Sender::new(0));
        let acceptor = lab().acceptor();
        let (shared, news) = (Arc::clone(&state), Arc::clone(&changed));
        let server = Server::start(move |_, peer| {
            serve(peer, acceptor.clone(), Arc::clone(&shared), news.subscribe())
        })
        .await;
        Self { state, changed, server: Arc::new(server) }
    }

    pub(crate) fn server(&self) -> &Server {
        &self.server
    }

    /// Changes something behind the clients' backs, and tells those who wait.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let done = change(&mut self.state.lock().unwrap());
        self.changed.send_modify(|count| *count += 1);
        done
    }

    /// Puts a mail into the inbox.
    pub(crate) fn deliver(&self, text: &str) -> u32 {
        self.change(|state| state.put("INBOX", text))
    }

    /// How often clients said something that begins so (tags left out).
    pub(crate) fn count(&self, verb: &str) -> usize {
        let said = self.server.heard();
        said.iter()
            .filter(|line| line.split_once(' ').is_some_and(|(_, rest)| rest.starts_with(verb)))
            .count()
    }
}

impl State {
    pub(crate) fn shelf(&mut self, folder: &str) -> &mut Shelf {
        self.folders.get_mut(folder).unwrap()
    }

    pub(crate) fn folder(&mut self, name: &str, attributes: &'static str) {
        let shelf = Shelf { attributes, validity: 9, next: 1, messages: BTreeMap::new(), gone: Vec::new() };
        self.folders.insert(name.to_owned(), shelf);
    }

    pub(crate) fn put(&mut self, folder: &str, text: &str) -> u32 {
        self.modseq += 1;
        let modseq = self.modseq;
        let shelf = self.shelf(folder);
        let uid = shelf.next;
        shelf.next += 1;
        let date = "23-Nov-2026 09:00:00 +0100".to_owned();
        shelf.messages.insert(uid, Stored { flags: Vec::new(), date, text: text.to_owned(), modseq });
        uid
    }

    pub(crate) fn flag(&mut self, folder: &str, uid: u32, flag: &str) {
        self.modseq += 1;
        let modseq = self.modseq;
        let stored = self.shelf(folder).messages.get_mut(&uid).unwrap();
        stored.flags = vec![flag.to_owned()];
        stored.modseq = modseq;
    }

    pub(crate) fn expunge(&mut self, folder: &str, uid: u32) -> Stored {
        self.modseq += 1;
        let modseq = self.modseq;
        let shelf = self.shelf(folder);
        shelf.gone.push((uid, modseq));
        shelf.messages.remove(&uid).unwrap()
    }

    /// Numbers a folder anew, as after a restore: the same messages, other UIDs.
    pub(crate) fn renumber(&mut self, folder: &str) {
        self.modseq += 1;
        let shelf = self.shelf(folder);
        shelf.validity += 1;
        shelf.gone.clear();
        let old = std::mem::take(&mut shelf.messages);
        shelf.next = 101;
        for stored in old.into_values() {
            shelf.messages.insert(shelf.next, stored);
            shelf.next += 1;
        }
    }
}

async fn serve(peer: Peer, acceptor: Acceptor, state: Arc<Mutex<State>>, mut changed: watch::Receiver<u64>) {
    let capabilities = state.lock().unwrap().capabilities.clone();
    let Some(mut peer) = peer.imap_tls(&acceptor, &capabilities).await else { return };
    let modern = capabilities.contains("CONDSTORE");
    let mut selected = String::new();
    let mut told = (0, 0);
    loop {
        let line = peer.line().await;
        if line.is_empty() {
            return;
        }
        let (tag, command) = line.split_once(' ').unwrap_or((&line, ""));
        let words: Vec<&str> = command.split(' ').collect();
        let mut out = String::new();
        match words.as_slice() {
            ["AUTHENTICATE", "XOAUTH2", rest @ ..] => {
                if rest.is_empty() {
                    peer.say("+ \r\n").await;
                    peer.line().await;
                }
                if let Some(refusal) = state.lock().unwrap().wrong.login {
                    out.push_str(&format!("{tag} {refusal}\r\n"));
                } else {
                    out.push_str(&format!("{tag} OK [CAPABILITY {capabilities}] in\r\n"));
                }
                peer.say(&out).await;
                continue;
            }
            ["CAPABILITY"] => out.push_str(&format!("* CAPABILITY {capabilities}\r\n")),
            ["ENABLE", what @ ..] => out.push_str(&format!("* ENABLED {}\r\n", what.join(" "))),
            ["LIST", ..] => {
                let state = state.lock().unwrap();
                for (name, shelf) in &state.folders {
                    out.push_str(&format!("* LIST ({}) \"/\" \"{name}\"\r\n", shelf.attributes));
                    if command.contains("STATUS") && !shelf.attributes.contains("Noselect") {
                        out.push_str(&format!(
                            "* STATUS \"{name}\" (UIDVALIDITY {} UIDNEXT {} HIGHESTMODSEQ {})\r\n",
                            shelf.validity,
                            shelf.next,
                            highest(shelf)
                        ));
                    }
                }
            }
            ["SELECT", name, ..] => {
                let name = name.trim_matches('"').to_owned();
                let refusal = {
                    let state = state.lock().unwrap();
                    match state.folders.get(&name) {
                        Some(shelf) if state.wrong.closed != Some(name.as_str()) => {
                            let next = state.wrong.uid_next.unwrap_or(shelf.next);
                            out.push_str(&format!(
                                "* {} EXISTS\r\n* OK [UIDVALIDITY {}] v\r\n* OK [UIDNEXT {next}] n\r\n",
                                shelf.messages.len(),
                                shelf.validity
                            ));
                            if modern {
                                out.push_str(&format!("* OK [HIGHESTMODSEQ {}] h\r\n", highest(shelf)));
                            }
                            false
                        }
                        _ => true,
                    }
                };
                if refusal {
                    peer.say(&format!("{tag} NO not that one\r\n")).await;
                    continue;
                }
                told = look(&state.lock().unwrap(), &name);
                selected = name;
            }
            ["UID", "STORE", uid, change, flags @ ..] => {
                let mut state = state.lock().unwrap();
                let flag = flags.join(" ").trim_matches(['(', ')']).to_owned();
                assert!(change.starts_with("+FLAGS"), "{change}");
                state.flag(&selected, uid.parse().unwrap(), &flag);
            }
            ["UID", "FETCH", set, ..] => match fetch(&state, &selected, set, command) {
                Answer::Whole(text) => out = text,
                Answer::Cut(text) => {
                    peer.say(&text).await;
                    return;
                }
                Answer::Endless(text) => {
                    for _ in 0..1_000 {
                        peer.say(&text).await;
                    }
                    return;
                }
            },
            ["IDLE"] => {
                let bye = state.lock().unwrap().wrong.bye;
                peer.say("+ idling\r\n").await;
                if bye {
                    peer.say("* BYE too long a silence\r\n").await;
                    return;
                }
                loop {
                    changed.mark_unchanged();
                    let now = look(&state.lock().unwrap(), &selected);
                    if now != told {
                        told = now;
                        peer.say(&format!("* {} EXISTS\r\n", now.0)).await;
                    }
                    tokio::select! {
                        line = peer.line() => {
                            if line.is_empty() {
                                return;
                            }
                            assert_eq!(line, "DONE");
                            break;
                        }
                        _ = changed.changed() => {}
                    }
                }
            }
            ["LOGOUT"] => {
                peer.say(&format!("* BYE see you\r\n{tag} OK out\r\n")).await;
                return;
            }
            ["NOOP"] => {}
            _ => {
                peer.say(&format!("{tag} BAD what is {command:?}?\r\n")).await;
                continue;
            }
        }
        peer.say(&format!("{out}{tag} OK done\r\n")).await;
    }
}

enum Answer {
    Whole(String),
    Cut(String),
    Endless(String),
}

fn fetch(state: &Mutex<State>, folder: &str, set: &str, command: &str) -> Answer {
    let mut state = state.lock().unwrap();
    let wrong = state.wrong.clone();
    let shelf = state.shelf(folder).clone();
    let since: Option<u64> = command
        .split_once("CHANGEDSINCE ")
        .map(|(_, rest)| rest.trim_end_matches(')').replace(" VANISHED", "").parse().unwrap());
    let mut out = String::new();
    if let (Some(since), true) = (since, command.contains("VANISHED")) {
        let gone: Vec<String> =
            shelf.gone.iter().filter(|(_, at)| *at > since).map(|(uid, _)| uid.to_string()).collect();
        if !gone.is_empty() {
            out.push_str(&format!("* VANISHED (EARLIER) {}\r\n", gone.join(",")));
        }
    }
    let last = shelf.messages.keys().last().copied().unwrap_or(0);
    for (number, (uid, stored)) in (1..).zip(&shelf.messages) {
        if !within(set, *uid, last) || since.is_some_and(|since| stored.modseq <= since) {
            continue;
        }
        let mut items = vec![format!("UID {uid}")];
        if command.contains("FLAGS") {
            items.push(format!("FLAGS ({})", stored.flags.join(" ")));
        }
        if command.contains("INTERNALDATE") {
            items.push(format!("INTERNALDATE \"{}\"", stored.date));
        }
        if since.is_some() {
            items.push(format!("MODSEQ ({})", stored.modseq));
        }
        if command.contains("RFC822.SIZE") {
            items.push(format!("RFC822.SIZE {}", wrong.size.unwrap_or(stored.text.len() as u64)));
        }
        if command.contains("BODY.PEEK[]") {
            if wrong.swap {
                let other = shelf.messages.iter().find(|(other, _)| *other != uid);
                if let Some((other, stored)) = other
                    && !within(set, *other, last)
                {
                    out.push_str(&format!(
                        "* 1 FETCH (UID {other} BODY[] {{{}}}\r\n{})\r\n",
                        stored.text.len(),
                        stored.text
                    ));
                }
            }
            items.push(format!("BODY[] {{{}}}\r\n{}", stored.text.len(), stored.text));
            if let Some((cut, times)) = wrong.cut
                && cut == *uid
                && times > 0
            {
                state.wrong.cut = Some((cut, times - 1));
                let half = items.join(" ");
                out.push_str(&format!("* {number} FETCH ({}", &half[..half.len() - stored.text.len() / 2]));
                return Answer::Cut(out);
            }
        }
        out.push_str(&format!("* {number} FETCH ({})\r\n", items.join(" ")));
    }
    if wrong.endless && command.contains("INTERNALDATE") {
        let line = "* 1 FETCH (UID 5 FLAGS () INTERNALDATE \"23-Nov-2026 09:00:00 +0100\")\r\n";
        return Answer::Endless(line.repeat(100));
    }
    Answer::Whole(out)
}

fn within(set: &str, uid: u32, last: u32) -> bool {
    set.split(',').any(|range| {
        let (low, high) = range.split_once(':').unwrap_or((range, range));
        let number = |text: &str| if text == "*" { last } else { text.parse().unwrap() };
        let (low, high) = (number(low), number(high));
        (low.min(high)..=low.max(high)).contains(&uid)
    })
}

/// What an idle client would be told of.
fn look(state: &State, folder: &str) -> (usize, u64) {
    state.folders.get(folder).map_or((0, 0), |shelf| (shelf.messages.len(), highest(shelf)))
}

fn highest(shelf: &Shelf) -> u64 {
    let messages = shelf.messages.values().map(|stored| stored.modseq);
    messages.chain(shelf.gone.iter().map(|(_, at)| *at)).max().unwrap_or(1)
}
