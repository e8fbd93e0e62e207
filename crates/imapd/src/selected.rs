//! The selected folder, as this client knows it.
//!
//! Sequence numbers belong to a session: they move only when the client is told so. So the rows of the folder are
//! kept here, changes are fetched by mod-sequence, and what is gone waits until it may be told (RFC 3501 §7.4.1).

use std::collections::BTreeSet;
use std::time::Duration;

use imap::command::{Flag, SelectParams};
use imap::response::{self, Line};
use imap::{Compact, SequenceSet};
use mailstore::{Changes, Flags, Folder, Row};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::ahead::Ahead;
use crate::capability::Extension;
use crate::connection::End;
use crate::session::{Answer, Handled, Session};

pub(crate) struct Selected {
    pub(crate) folder: Folder,
    pub(crate) read_only: bool,
    /// Ascending UID; the place is the sequence number less one.
    pub(crate) rows: Vec<Row>,
    modseq: u64,
    watch: watch::Receiver<u64>,
    /// Gone from the store, not yet told.
    gone: BTreeSet<u32>,
    /// UIDs, ascending, that `$` stands for (RFC 5182).
    pub(crate) saved: Vec<u32>,
    /// When NOOP last had the store asked, whatever was announced.
    looked: Instant,
    /// UIDs that are `\Recent` for this session, as ranges (RFC 3501 §2.3.2); none where the revision has no such thing.
    recent: Option<Vec<(u32, u32)>>,
    /// What FLAGS has told: it grows, and nothing is taken back while the folder is selected.
    flags: Vec<Flag>,
    /// Its keywords, lower case.
    keywords: BTreeSet<String>,
    /// Keywords that FLAGS has yet to tell, before a FETCH shows them (RFC 3501 §7.2.6).
    news: Vec<Flag>,
    /// Messages read before they are asked for.
    pub(crate) ahead: Ahead,
}

/// How often NOOP and CHECK ask the store although nothing was announced. This process's changes are announced as they
/// are committed, other processes' within a second: to ask each time would make NOOP a database query.
const LOOK_EVERY: Duration = Duration::from_secs(1);

impl Selected {
    pub(crate) fn last_number(&self) -> u32 {
        u32::try_from(self.rows.len()).unwrap_or(u32::MAX)
    }

    pub(crate) fn last_uid(&self) -> u32 {
        self.rows.last().map_or(0, |row| row.uid)
    }

    /// The messages of a set, as `(number, uid)`, ascending. Numbers and UIDs that do not exist are left out.
    pub(crate) fn resolve(&self, set: &SequenceSet, uid: bool) -> Vec<(u32, u32)> {
        if set.is_saved() {
            let places = self.saved.iter().filter_map(|uid| self.find(*uid));
            return places.map(|at| (number(at), self.rows[at].uid)).collect();
        }
        let last = if uid { self.last_uid() } else { self.last_number() };
        let mut out = Vec::new();
        for (low, high) in set.resolve(last) {
            let (from, to) = if uid {
                (
                    self.rows.partition_point(|row| row.uid < low),
                    self.rows.partition_point(|row| row.uid <= high),
                )
            } else {
                (index(low), index(high).saturating_add(1).min(self.rows.len()))
            };
            for at in from..to {
                out.push((number(at), self.rows[at].uid));
            }
        }
        out
    }

    /// The mod-sequence up to which the client has been told everything, or is about to.
    pub(crate) fn modseq(&self) -> u64 {
        self.modseq
    }

    /// Whether the message is known to be gone from the store, though the client may not have been told.
    pub(crate) fn is_gone(&self, uid: u32) -> bool {
        self.gone.contains(&uid) || self.find(uid).is_none()
    }

    /// [`Selected::resolve`] for a command on messages: a sequence number above the last one, or any in an empty folder,
    /// is a mistake of the client's (RFC 9051 §9, `seq-number`), a UID that is not there is none.
    pub(crate) fn named(&self, set: &SequenceSet, uid: bool) -> Result<Vec<(u32, u32)>, Answer> {
        let last = self.last_number();
        if !uid
            && !set.is_saved()
            && set.resolve(last).last().is_some_and(|range| last == 0 || range.1 > last)
        {
            return Err(Answer::bad(format!("The folder has {last} messages: no number is above")));
        }
        Ok(self.resolve(set, uid))
    }

    pub(crate) fn find(&self, uid: u32) -> Option<usize> {
        self.rows.binary_search_by_key(&uid, |row| row.uid).ok()
    }

    /// Whether the message is new to this session.
    pub(crate) fn is_recent(&self, uid: u32) -> bool {
        self.recent.as_ref().is_some_and(|ranges| SequenceSet::holds(ranges, uid))
    }

    fn count_recent(&self) -> usize {
        self.rows.iter().filter(|row| self.is_recent(row.uid)).count()
    }

    /// The flags of a message in parentheses, `\Recent` with them.
    pub(crate) fn flags_text(&self, uid: u32, flags: &Flags) -> String {
        let text = response::flags(&flags_of(flags));
        match (self.is_recent(uid), text.len() > 2) {
            (false, _) => text,
            (true, true) => text.replacen('(', "(\\Recent ", 1),
            (true, false) => "(\\Recent)".to_owned(),
        }
    }

    /// Notes keywords that FLAGS has not told yet.
    pub(crate) fn learn(&mut self, flags: &Flags) {
        for keyword in &flags.keywords {
            if self.keywords.len() < MOST_KEYWORDS && self.keywords.insert(keyword.to_lowercase()) {
                self.news.push(Flag::Keyword(keyword.clone()));
            }
        }
    }

    /// Takes over rows that this session changed itself, so that they are not told again.
    pub(crate) fn take(&mut self, rows: &[Row]) {
        for row in rows {
            self.learn(&row.flags);
            if let Some(at) = self.find(row.uid)
                && self.rows[at].modseq <= row.modseq
            {
                self.rows[at] = row.clone();
            }
        }
    }

    /// Notes messages that this session removed itself.
    pub(crate) fn lose(&mut self, uids: impl IntoIterator<Item = u32>) {
        for uid in uids {
            if self.find(uid).is_some() {
                self.gone.insert(uid);
            }
        }
    }

    /// Takes changes in; returns whether messages came, and the UIDs whose flags are news.
    fn apply(&mut self, changes: Changes) -> (bool, Vec<u32>) {
        let (mut grew, mut news) = (false, Vec::new());
        for row in changes.changed {
            self.learn(&row.flags);
            match self.rows.binary_search_by_key(&row.uid, |row| row.uid) {
                Ok(at) => {
                    if row.modseq > self.rows[at].modseq {
                        news.push(row.uid);
                        self.rows[at] = row;
                    }
                }
                // UIDs ascend for ever: what is not known comes at the end.
                Err(at) if at == self.rows.len() => {
                    grew = true;
                    self.rows.push(row);
                }
                Err(_) => {}
            }
        }
        self.lose(changes.vanished);
        self.modseq = self.modseq.max(changes.highest_modseq);
        news.retain(|uid| !self.gone.contains(uid));
        (grew, news)
    }

    /// Removes what is gone, and returns it as `(number, uid)`, highest first: each number is valid after the one
    /// before was told.
    fn expunge(&mut self) -> Vec<(u32, u32)> {
        let gone = std::mem::take(&mut self.gone);
        let told = gone.iter().rev().filter_map(|uid| Some((number(self.find(*uid)?), *uid))).collect();
        if !gone.is_empty() {
            self.rows.retain(|row| !gone.contains(&row.uid));
        }
        told
    }

    /// The unsolicited FETCH of a message's flags.
    pub(crate) fn flags_line(&self, at: usize, modseq: bool) -> Line {
        let row = &self.rows[at];
        let flags = self.flags_text(row.uid, &row.flags);
        let modseq = if modseq { format!(" MODSEQ ({})", row.modseq) } else { String::new() };
        Line::untagged(&format!("{} FETCH (UID {} FLAGS {flags}{modseq})", number(at), row.uid))
    }

    /// Returns when the folder may have changed.
    pub(crate) async fn changed(&mut self) {
        if self.watch.changed().await.is_err() {
            // The store is closing: there is nothing to wait for any more.
            std::future::pending::<()>().await;
        }
        self.watch.mark_changed();
    }
}

impl Session {
    pub(crate) async fn select(&mut self, name: &str, read_only: bool, params: &SelectParams) -> Handled {
        if params.resync.is_some() && !self.enabled.qresync {
            return Ok(Answer::bad("QRESYNC after ENABLE QRESYNC only (RFC 7162 §3.2.5)"));
        }
        // Whatever comes of it (RFC 3501 §6.3.1).
        if self.selected.take().is_some() && self.knows(Extension::Qresync) {
            self.connection.say(Line::untagged("OK [CLOSED] What follows is of another folder"));
        }
        if params.condstore {
            self.enabled.condstore = true;
        }
        let folder = match self.folder(name).await {
            Ok(folder) => folder,
            Err(answer) => return Ok(answer),
        };
        let mut watch = self.context.store.watch(folder.id);
        watch.mark_unchanged();
        let loaded = async {
            let status = self.context.store.status(folder.id).await?;
            Ok((status, self.context.store.rows(folder.id).await?))
        };
        let (status, rows) = match loaded.await {
            Ok(loaded) => loaded,
            Err(error) => return Ok(Answer::failed(&error)),
        };
        let next = rows.last().map_or(1, |row| row.uid.saturating_add(1));
        let recent_from = match (self.enabled.rev2, read_only) {
            (true, _) => Ok(u32::MAX),
            (false, true) => self.context.store.recent_from(folder.id).await,
            (false, false) => self.context.store.claim_recent(folder.id, next).await,
        };
        let recent_from = match recent_from {
            Ok(from) => from,
            Err(error) => return Ok(Answer::failed(&error)),
        };
        let flags = known_flags(&rows);
        let uid_next = status.uid_next.max(rows.last().map_or(1, |row| row.uid.saturating_add(1)));
        let say = |session: &mut Self, text: &str| session.connection.say(Line::untagged(text));
        say(self, &format!("FLAGS {}", response::flags(&flags)));
        let permanent = response::flags(&flags).replace(')', " \\*)");
        let permanent = if read_only { "()" } else { &permanent };
        say(self, &format!("OK [PERMANENTFLAGS {permanent}] Flags that last"));
        say(self, &format!("{} EXISTS", rows.len()));
        if self.enabled.rev2 {
            // RFC 9051 §6.3.2: the folder's LIST line, and nothing of RECENT and UNSEEN.
            match self.list_line(&folder).await {
                Ok(line) => self.connection.say(line),
                Err(answer) => return Ok(answer),
            }
        } else {
            let recent = rows.iter().filter(|row| row.uid >= recent_from).count();
            say(self, &format!("{recent} RECENT"));
            if let Some(first) = rows.iter().position(|row| !row.flags.seen) {
                say(self, &format!("OK [UNSEEN {}] First unseen", first + 1));
            }
        }
        say(self, &format!("OK [UIDVALIDITY {}] UIDs valid", folder.uid_validity));
        say(self, &format!("OK [UIDNEXT {uid_next}] Predicted next UID"));
        let modseq = status.highest_modseq;
        if self.knows(Extension::Condstore) {
            say(self, &format!("OK [HIGHESTMODSEQ {modseq}] Highest mod-sequence"));
        }
        if self.knows(Extension::ObjectId) {
            say(self, &format!("OK [MAILBOXID ({})] For ever", mailbox_id(&folder)));
        }
        self.selected = Some(Selected {
            folder,
            read_only,
            rows,
            modseq,
            watch,
            gone: BTreeSet::new(),
            saved: Vec::new(),
            looked: Instant::now(),
            recent: (!self.enabled.rev2).then(|| vec![(recent_from, next.saturating_sub(1))]),
            keywords: flags.iter().filter_map(keyword).collect(),
            flags,
            news: Vec::new(),
            ahead: Ahead::default(),
        });
        if let Some(resync) = &params.resync
            && let Err(answer) = self.resync(resync).await?
        {
            self.selected = None;
            return Ok(answer);
        }
        let code = if read_only { "READ-ONLY" } else { "READ-WRITE" };
        Ok(Answer::coded(code, "Folder selected"))
    }

    /// Has the store asked for changes even where none was announced: another node may have made them.
    pub(crate) fn look_again(&mut self) {
        if let Some(selected) = &mut self.selected {
            selected.watch.mark_changed();
        }
    }

    /// The same for commands that clients repeat: not more than once a second.
    pub(crate) fn look_now_and_then(&mut self) {
        if let Some(selected) = &mut self.selected
            && selected.looked.elapsed() >= LOOK_EVERY
        {
            selected.looked = Instant::now();
            selected.watch.mark_changed();
        }
    }

    /// Tells the client what changed in the selected folder.
    pub(crate) async fn updates(&mut self, expunge: bool) -> Result<(), End> {
        let Some(selected) = &mut self.selected else { return Ok(()) };
        let (mut grew, mut news) = (false, Vec::new());
        if selected.watch.has_changed().unwrap_or(false) {
            selected.watch.mark_unchanged();
            match self.context.store.changes(selected.folder.id, selected.modseq).await {
                Ok(changes) => (grew, news) = selected.apply(changes),
                Err(error) if error.is_missing() => {
                    return Err(End::Refused("The selected folder was deleted".into()));
                }
                Err(error) => tracing::error!(%error, "changes of the selected folder cannot be read"),
            }
        }
        if expunge {
            let gone = selected.expunge();
            if self.enabled.qresync {
                let mut uids: Vec<u32> = gone.into_iter().map(|(_, uid)| uid).collect();
                uids.reverse();
                if !uids.is_empty() {
                    self.connection.say(Line::untagged(&format!("VANISHED {}", Compact(&uids))));
                }
            } else {
                for (number, _) in gone {
                    self.connection.say(Line::untagged(&format!("{number} EXPUNGE")));
                }
            }
        }
        if grew {
            self.connection.say(Line::untagged(&format!("{} EXISTS", selected.rows.len())));
            self.claim_recent().await;
        }
        self.tell_new_keywords();
        let Some(selected) = &self.selected else { return Ok(()) };
        for uid in news {
            if let Some(at) = selected.find(uid) {
                let line = selected.flags_line(at, self.enabled.condstore);
                self.connection.say(line);
            }
        }
        self.connection.relieve().await
    }
}

impl Session {
    /// Messages came into the selected folder: those that no other session claimed are recent here.
    async fn claim_recent(&mut self) {
        let Some(selected) = &mut self.selected else { return };
        if selected.recent.is_none() {
            return;
        }
        let (folder, next) = (selected.folder.id, selected.last_uid().saturating_add(1));
        let from = match selected.read_only {
            true => self.context.store.recent_from(folder).await,
            false => self.context.store.claim_recent(folder, next).await,
        };
        match (from, &mut selected.recent) {
            (Ok(from), Some(ranges)) if from < next => match ranges.last_mut() {
                // One range while nobody else comes in between.
                Some(last) if last.1.saturating_add(1) >= from && last.0 <= last.1 => last.1 = next - 1,
                _ => ranges.push((from, next - 1)),
            },
            (Ok(_), _) => {}
            (Err(error), _) => tracing::error!(%error, "recent messages cannot be claimed"),
        }
        let recent = selected.count_recent();
        self.connection.say(Line::untagged(&format!("{recent} RECENT")));
    }

    /// FLAGS again, where keywords came up since (RFC 3501 §7.2.6). Said before the FETCH that shows them.
    pub(crate) fn tell_new_keywords(&mut self) {
        let Some(selected) = &mut self.selected else { return };
        if selected.news.is_empty() {
            return;
        }
        selected.flags.append(&mut selected.news);
        let text = response::flags(&selected.flags);
        let permanent = text.replace(')', " \\*)");
        let permanent = if selected.read_only { "()" } else { &permanent };
        self.connection.say(Line::untagged(&format!("FLAGS {text}")));
        self.connection.say(Line::untagged(&format!("OK [PERMANENTFLAGS {permanent}] Flags that last")));
    }
}

/// Keywords told in FLAGS.
const MOST_KEYWORDS: usize = 200;

/// A keyword's name, lower case.
fn keyword(flag: &Flag) -> Option<String> {
    match flag {
        Flag::Keyword(word) => Some(word.to_lowercase()),
        _ => None,
    }
}

/// OBJECTID's name of a folder (RFC 8474 §4): the store's own number, which stays through renames.
pub(crate) fn mailbox_id(folder: &Folder) -> String {
    format!("F{}", folder.id)
}

/// The five system flags, then the keywords in use.
fn known_flags(rows: &[Row]) -> Vec<Flag> {
    let mut seen = BTreeSet::new();
    let mut flags = vec![Flag::Answered, Flag::Flagged, Flag::Deleted, Flag::Seen, Flag::Draft];
    for keyword in rows.iter().flat_map(|row| &row.flags.keywords) {
        if seen.len() < MOST_KEYWORDS && seen.insert(keyword.to_lowercase()) {
            flags.push(Flag::Keyword(keyword.clone()));
        }
    }
    flags
}

pub(crate) fn flags_of(flags: &Flags) -> Vec<Flag> {
    let system = [
        (flags.answered, Flag::Answered),
        (flags.flagged, Flag::Flagged),
        (flags.deleted, Flag::Deleted),
        (flags.seen, Flag::Seen),
        (flags.draft, Flag::Draft),
    ];
    let set = system.into_iter().filter(|(set, _)| *set).map(|(_, flag)| flag);
    set.chain(flags.keywords.iter().cloned().map(Flag::Keyword)).collect()
}

pub(crate) fn flags_from(list: &[Flag]) -> Flags {
    let mut flags = Flags::default();
    for flag in list {
        match flag {
            Flag::Seen => flags.seen = true,
            Flag::Answered => flags.answered = true,
            Flag::Flagged => flags.flagged = true,
            Flag::Deleted => flags.deleted = true,
            Flag::Draft => flags.draft = true,
            Flag::Keyword(word) => {
                if !flags.keywords.iter().any(|known| known.eq_ignore_ascii_case(word)) {
                    flags.keywords.push(word.clone());
                }
            }
        }
    }
    flags
}

fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX).saturating_sub(1)
}

pub(crate) fn number(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX).saturating_add(1)
}
