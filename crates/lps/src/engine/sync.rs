//! One round: what each folder has, told to the store.
//!
//! Three ways, by what the server keeps (RFC 7162): with QRESYNC one command tells all that changed and vanished; with
//! CONDSTORE all that changed, and what vanished is found by comparing; without either, new messages are asked for and all
//! flags compared now and then. A folder that was never read to its end is listed from where the listing stopped. Whatever
//! the way, a look may be told twice: the store takes it once.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use imap::client::{Fetched, Folder};
use kernel::{Failure, Stage, Timestamp};
use practice::{Arrival, FolderState};
use tokio::time::Instant;

use super::Report;
use super::actor::Actor;
use super::idle::{INBOX, add};
use crate::ImapSession;
use crate::imap_session::{Listed, Selected, Streamed};

/// Messages of one window of a listing, more or less: what people may have to wait for.
const WINDOW: u32 = 5_000;
/// Messages told to the store at once.
const TOLD_AT_ONCE: usize = 1_000;
/// Responses that an answer may have beyond two for each message: what other clients change meanwhile.
const SPARE: u64 = 10_000;
/// Folders of one mailbox that are read at most.
const MOST_FOLDERS: usize = 1_000;
/// Special uses (RFC 6154) whose mail did not come in, or is somewhere else already: never *à traiter*.
const LEFT_ALONE: [&str; 6] = ["sent", "drafts", "trash", "all", "flagged", "important"];

/// How far a round goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    Inbox,
    Everything,
}

impl Actor {
    /// Brings the store in step with the server, then fetches what is missing.
    pub(super) async fn round(&mut self, session: &mut ImapSession, scope: Scope) -> Result<Report, Failure> {
        self.folders = self.shared.practice.folders(&self.key).await.map_err(|error| error.failure())?;
        let mut report = Report::default();
        if scope == Scope::Inbox {
            let inbox = inbox();
            add(&mut report, self.folder(session, &inbox).await?);
            return Ok(report);
        }
        let mut listed = session.list_all().await?;
        if !listed.iter().any(|one| is_inbox(&one.folder)) {
            listed.push(inbox()); // it is always there (RFC 3501 §5.1)
        }
        self.forget_removed(&listed).await?;
        // The inbox first: what people wait for is there.
        listed.sort_by_key(|one| !is_inbox(&one.folder));
        let read = listed.iter().filter(|one| is_read(&one.folder)).take(MOST_FOLDERS);
        for one in read {
            match self.folder(session, one).await {
                Ok(done) => add(&mut report, done),
                // One folder that the server will not open leaves the others as they are.
                Err(failure)
                    if failure.stage == Stage::Command && !session.is_broken() && !is_inbox(&one.folder) =>
                {
                    tracing::info!(mailbox = %self.key, %failure, "a folder cannot be read");
                    report.refused += 1;
                }
                Err(failure) => return Err(failure),
            }
            if self.leave {
                break;
            }
        }
        Ok(report)
    }

    /// Folders that are no longer there. A server that lists nothing at all is not believed.
    async fn forget_removed(&self, listed: &[Listed]) -> Result<(), Failure> {
        if listed.len() < 2 {
            return Ok(());
        }
        for known in self.folders.iter().filter(|known| known.uid_validity != 0) {
            let there = listed.iter().any(|one| name_of(&one.folder) == known.name && is_read(&one.folder));
            if !there {
                let removed = self.shared.practice.folder_removed(&self.key, &known.name).await;
                removed.map_err(|error| error.failure())?;
            }
        }
        Ok(())
    }

    async fn folder(&mut self, session: &mut ImapSession, listed: &Listed) -> Result<Report, Failure> {
        let name = name_of(&listed.folder).to_owned();
        let known = self.folders.iter().find(|known| known.name == name).cloned();
        let mut report = Report { folders: 1, ..Report::default() };
        if self.is_unchanged(listed, known.as_ref()) && self.is_complete(&name).await? {
            return Ok(report);
        }
        let selected = session.select(&name).await?;
        if selected.uid_validity == 0 {
            return Err(Failure::permanent(
                Stage::Command,
                format!("the server gives the folder {name:?} no UIDVALIDITY: its messages cannot be named"),
            ));
        }
        let mut state = match known.clone() {
            Some(known) if known.uid_validity == selected.uid_validity => known,
            _ => FolderState { uid_validity: selected.uid_validity, uid_next: 1, ..FolderState::default() },
        };
        (state.name, state.role) = (name, role(&listed.folder));
        state.uid_next = state.uid_next.max(1);
        let mut look = Look::new(state, known, self.shared.settings.clock.now());
        look.most += 2 * u64::from(selected.exists);
        self.compare(session, &selected, &mut look).await?;
        report.arrived = look.arrived;
        if !self.leave {
            add(&mut report, self.fill(session, &look.state).await?);
        }
        Ok(report)
    }

    /// Whether LIST alone says that nothing changed.
    fn is_unchanged(&self, listed: &Listed, known: Option<&FolderState>) -> bool {
        known.is_some_and(|known| {
            known.modseq > 0
                && self.resync.qresync
                && listed.item("UIDVALIDITY") == Some(u64::from(known.uid_validity))
                && listed.item("HIGHESTMODSEQ") == Some(known.modseq)
        })
    }

    async fn is_complete(&self, folder: &str) -> Result<bool, Failure> {
        let wanted = self.shared.practice.wanted(&self.key, folder, 1).await;
        Ok(wanted.map_err(|error| error.failure())?.is_empty())
    }

    /// Tells the store what is new, changed and gone in the selected folder.
    async fn compare(
        &mut self,
        session: &mut ImapSession,
        selected: &Selected,
        look: &mut Look,
    ) -> Result<(), Failure> {
        // What the server said on opening: all that changes from now on has a higher one.
        let top = selected.modseq.filter(|_| self.resync.condstore).unwrap_or(0);
        let since = look.state.modseq;
        // A server whose mod-sequences went back has forgotten: it is compared as if it kept none.
        let resync = since > 0 && top >= since;
        let tells_gone = resync && self.resync.qresync;
        if tells_gone && top == since {
            return Ok(());
        }
        if resync {
            let vanished = if self.resync.qresync { " VANISHED" } else { "" };
            let items = format!("(UID FLAGS INTERNALDATE) (CHANGEDSINCE {since}{vanished})");
            self.stream(session, "1:*", &items, look).await?;
        } else {
            self.list_new(session, selected, look).await?;
        }
        if !tells_gone && !self.leave {
            self.sweep(session, selected, look).await?;
        }
        if !self.leave {
            look.state.modseq = top; // complete; else it stays where it was
        }
        look.tell(self).await
    }

    /// Lists what is not known yet, window after window.
    async fn list_new(
        &mut self,
        session: &mut ImapSession,
        selected: &Selected,
        look: &mut Look,
    ) -> Result<(), Failure> {
        if selected.exists == 0 {
            return Ok(());
        }
        let Some(end) = selected.uid_next else {
            let first = look.state.uid_next;
            return self.stream(session, &format!("{first}:*"), "(UID FLAGS INTERNALDATE)", look).await;
        };
        // UIDs may be far apart: as wide as it takes for WINDOW messages, if they were evenly spread.
        let mut first = look.state.uid_next;
        let wide = WINDOW.saturating_mul(end.saturating_sub(first) / selected.exists + 1);
        while first < end && !self.leave {
            let last = first.saturating_add(wide - 1).min(end - 1);
            self.stream(session, &format!("{first}:{last}"), "(UID FLAGS INTERNALDATE)", look).await?;
            look.tell(self).await?;
            first = last.saturating_add(1);
            self.serve(session).await?;
            self.return_to(session, look).await?;
        }
        Ok(())
    }

    /// Finds what is gone and compares all flags: for servers that do not tell. Where the number of messages is the one that
    /// is known, nothing is gone, and flags are compared now and then only.
    async fn sweep(
        &mut self,
        session: &mut ImapSession,
        selected: &Selected,
        look: &mut Look,
    ) -> Result<(), Failure> {
        look.tell(self).await?;
        let known = self.shared.practice.known(&self.key, &look.state.name).await;
        let known: BTreeMap<u32, Vec<String>> = known.map_err(|error| error.failure())?.into_iter().collect();
        let (Some(first), Some(last)) =
            (known.first_key_value().map(|one| *one.0), known.last_key_value().map(|one| *one.0))
        else {
            return Ok(());
        };
        let lately = |at: &Instant| at.elapsed() < self.shared.settings.sweep;
        let count = usize::try_from(selected.exists).unwrap_or(usize::MAX);
        if known.len() == count && self.swept.get(&look.state.name).is_some_and(lately) {
            return Ok(());
        }
        look.known = Some(known);
        if selected.exists > 0 {
            self.stream(session, &format!("{first}:{last}"), "(UID FLAGS)", look).await?;
        }
        let known = look.known.take().unwrap_or_default();
        let seen = std::mem::take(&mut look.seen);
        look.gone.extend(known.keys().filter(|uid| !seen.contains(uid)).map(|uid| *uid..=*uid));
        self.swept.insert(look.state.name.clone(), Instant::now());
        Ok(())
    }

    /// Sends one FETCH and tells the store what comes, however much it is.
    async fn stream(
        &mut self,
        session: &mut ImapSession,
        set: &str,
        items: &str,
        look: &mut Look,
    ) -> Result<(), Failure> {
        session.begin_fetch(set, items).await?;
        let (mut refused, mut pieces) = (None, 0_u64);
        while session.under_way() > 0 {
            pieces += 1;
            if pieces > look.most {
                return Err(Failure::permanent(Stage::Command, "the server's answer has no end"));
            }
            match session.next_streamed().await? {
                Streamed::Fetched(fetched) => look.take(*fetched),
                Streamed::Vanished(ranges) => look.gone.extend(ranges.iter().map(|(low, high)| *low..=*high)),
                Streamed::Done => {}
                Streamed::Refused(failure) => refused = Some(failure),
            }
            if look.len() >= TOLD_AT_ONCE {
                look.tell(self).await?;
            }
        }
        if let Some(failure) = refused {
            return Err(failure);
        }
        look.ended();
        Ok(())
    }

    /// People may have had another folder opened.
    async fn return_to(&self, session: &mut ImapSession, look: &Look) -> Result<(), Failure> {
        if session.selected() == Some(look.state.name.as_str()) {
            return Ok(());
        }
        let selected = session.select(&look.state.name).await?;
        if selected.uid_validity != look.state.uid_validity {
            return Err(Failure::temporary(Stage::Command, "the server has just numbered the folder anew"));
        }
        Ok(())
    }
}

/// What one look at a folder has gathered and not told yet.
struct Look {
    state: FolderState,
    arrivals: BTreeMap<u32, Arrival>,
    flags: Vec<(u32, Vec<String>)>,
    gone: Vec<RangeInclusive<u32>>,
    /// Seen without a date: told at the end only, with the hour of the look, if no date comes.
    undated: BTreeMap<u32, Vec<String>>,
    /// As the store has it.
    told: Option<FolderState>,
    /// From where on messages are new, and the last new one that was seen.
    first_new: u32,
    last: u32,
    /// During a sweep: what the store knows, and what the server has.
    known: Option<BTreeMap<u32, Vec<String>>>,
    seen: BTreeSet<u32>,
    arrived: u64,
    /// Responses of one answer, at most.
    most: u64,
    now: Timestamp,
}

impl Look {
    fn new(state: FolderState, told: Option<FolderState>, now: Timestamp) -> Self {
        Self {
            first_new: state.uid_next,
            state,
            told,
            last: 0,
            arrivals: BTreeMap::new(),
            flags: Vec::new(),
            gone: Vec::new(),
            undated: BTreeMap::new(),
            known: None,
            seen: BTreeSet::new(),
            arrived: 0,
            most: SPARE,
            now,
        }
    }

    fn len(&self) -> usize {
        self.arrivals.len() + self.flags.len() + self.gone.len()
    }

    /// Takes one FETCH response: asked for, or sent because another client changed something.
    fn take(&mut self, fetched: Fetched) {
        let date = fetched.received();
        let (Some(uid), Some(flags)) = (fetched.uid, fetched.flags) else { return };
        if let Some(known) = &self.known {
            self.seen.insert(uid);
            if known.get(&uid).is_some_and(|before| !same(before, &flags)) {
                self.flags.push((uid, flags));
            }
            return;
        }
        if uid < self.first_new {
            self.flags.push((uid, flags));
            return;
        }
        self.last = self.last.max(uid);
        if let Some(received) = date {
            self.undated.remove(&uid);
            self.arrivals.insert(uid, Arrival { uid, received, flags });
        } else {
            self.undated.insert(uid, flags);
        }
    }

    /// An answer has ended: a message whose date cannot be read is not lost for that, and what is known goes on up to the last
    /// message that was seen. Not before: servers may answer in any order. And not to what the server predicts: no lie of a
    /// UIDNEXT hides a message.
    fn ended(&mut self) {
        for (uid, flags) in std::mem::take(&mut self.undated) {
            self.arrivals.entry(uid).or_insert(Arrival { uid, received: self.now, flags });
        }
        self.state.uid_next = self.state.uid_next.max(self.last.saturating_add(1));
    }

    /// Tells the store, in one transaction.
    async fn tell(&mut self, actor: &Actor) -> Result<(), Failure> {
        if self.len() == 0 && self.told.as_ref() == Some(&self.state) {
            return Ok(());
        }
        self.told = Some(self.state.clone());
        let arrivals: Vec<Arrival> = std::mem::take(&mut self.arrivals).into_values().collect();
        self.arrived += arrivals.len() as u64;
        let told = actor.shared.practice.synchronised(
            &actor.key,
            self.state.clone(),
            arrivals,
            std::mem::take(&mut self.flags),
            std::mem::take(&mut self.gone),
        );
        told.await.map(drop).map_err(|error| error.failure())
    }
}

/// Flags are a set; `\Recent` is nobody's business (RFC 3501 §2.3.2).
fn same(before: &[String], now: &[String]) -> bool {
    let set = |flags: &[String]| -> BTreeSet<String> {
        flags.iter().filter(|flag| !flag.eq_ignore_ascii_case("\\Recent")).cloned().collect()
    };
    set(before) == set(now)
}

fn inbox() -> Listed {
    let folder = Folder { attributes: Vec::new(), separator: None, name: INBOX.to_owned() };
    Listed { folder, status: Vec::new() }
}

fn is_inbox(folder: &Folder) -> bool {
    folder.name.eq_ignore_ascii_case(INBOX)
}

fn name_of(folder: &Folder) -> &str {
    if is_inbox(folder) { INBOX } else { &folder.name }
}

/// The special use, as the store writes it. Never from a name, but for the inbox (spec 07, L6).
fn role(folder: &Folder) -> String {
    if is_inbox(folder) {
        return "inbox".to_owned();
    }
    let uses = ["archive", "junk", "sent", "drafts", "trash", "all", "flagged", "important"];
    let found = uses.into_iter().find(|one| {
        folder
            .attributes
            .iter()
            .any(|word| word.strip_prefix('\\').is_some_and(|word| word.eq_ignore_ascii_case(one)))
    });
    found.unwrap_or_default().to_owned()
}

/// Whether mail that comes in can be there.
fn is_read(folder: &Folder) -> bool {
    let is = |attribute: &str| folder.attributes.iter().any(|word| word.eq_ignore_ascii_case(attribute));
    is_inbox(folder)
        || !(is("\\Noselect") || is("\\NonExistent") || LEFT_ALONE.contains(&role(folder).as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str, attributes: &[&str]) -> Folder {
        let attributes = attributes.iter().map(|word| (*word).to_owned()).collect();
        Folder { attributes, separator: Some('/'), name: name.to_owned() }
    }

    #[test]
    fn l6_a_folder_is_what_the_server_says_never_what_its_name_looks_like() {
        for name in ["Consentements", "Sent", "Envoyés", "Brouillons présents", "inbox/Sent"] {
            assert_eq!(role(&folder(name, &["\\HasNoChildren"])), "", "{name}");
            assert!(is_read(&folder(name, &[])), "{name}");
        }
        assert_eq!(role(&folder("Objets transmis", &["\\HasNoChildren", "\\sent"])), "sent");
        assert!(!is_read(&folder("Objets transmis", &["\\Sent"])) && !is_read(&folder("x", &["\\Noselect"])));
        assert_eq!(
            (role(&folder("inbox", &[])), name_of(&folder("Inbox", &[]))),
            ("inbox".to_owned(), "INBOX")
        );
        assert!(
            is_read(&folder("Indésirables", &["\\Junk"])),
            "a document may have been put there by mistake"
        );
    }

    #[test]
    fn a_message_without_a_date_is_not_lost_and_a_later_date_counts() {
        let now: Timestamp = "2026-11-23T10:00:00Z".parse().unwrap();
        let mut look = Look::new(FolderState { uid_next: 5, ..FolderState::default() }, None, now);
        let fetched = |uid, date: Option<&str>| Fetched {
            uid: Some(uid),
            flags: Some(Vec::new()),
            internal_date: date.map(str::to_owned),
            ..Fetched::default()
        };
        look.take(fetched(4, None));
        look.take(fetched(6, None));
        look.take(fetched(7, Some("no date")));
        look.take(fetched(6, Some("17-Jul-1996 02:44:25 -0700")));
        look.ended();
        let dates: Vec<(u32, String)> =
            look.arrivals.values().map(|one| (one.uid, one.received.to_string())).collect();
        assert_eq!(dates, [(6, "1996-07-17T09:44:25Z".into()), (7, "2026-11-23T10:00:00Z".into())]);
        assert_eq!(look.state.uid_next, 8);
        assert_eq!(look.flags.len(), 1, "a known message has flags alone");
    }
}
