//! What a client missed (RFC 7162): CONDSTORE switched on, SELECT with QRESYNC, VANISHED (EARLIER).
//!
//! The store keeps every expunge, so the answer is always exact: nothing is told as vanished that the client cannot
//! have known, and sequence match data only shorten it.

use imap::command::Resync;
use imap::response::Line;
use imap::{Compact, SequenceSet};

use crate::connection::End;
use crate::session::{Answer, Session};

impl Session {
    /// Mod-sequences are told from now on; who asks for them in a selected folder learns where it stands
    /// (RFC 7162 §3.1.2).
    pub(crate) fn enable_condstore(&mut self) {
        if std::mem::replace(&mut self.enabled.condstore, true) {
            return;
        }
        if let Some(selected) = &self.selected {
            let line = format!("OK [HIGHESTMODSEQ {}] Highest mod-sequence", selected.modseq());
            self.connection.say(Line::untagged(&line));
        }
    }

    /// Tells what changed since the client left (RFC 7162 §3.2.5).
    pub(crate) async fn resync(&mut self, known: &Resync) -> Result<Result<(), Answer>, End> {
        let Some(selected) = &self.selected else { return Ok(Ok(())) };
        if known.uid_validity != selected.folder.uid_validity {
            return Ok(Ok(())); // nothing that the client remembers counts
        }
        let ranges = match &known.known_uids {
            Some(set) => set.resolve(selected.last_uid()),
            None => vec![(1, u32::MAX)],
        };
        let synced = known.pairs.as_ref().map_or(0, |(numbers, uids)| {
            let row = |number: u32| usize::try_from(number).ok().and_then(|at| selected.rows.get(at - 1));
            // Ascending (RFC 7162 §3.2.5.2): past the last message, or where it does not ascend, nothing counts.
            let pairs = numbers.numbers().zip(uids.numbers()).scan(0, |before, (number, uid)| {
                let ascends = number > std::mem::replace(before, number);
                (ascends && number <= selected.last_number()).then_some((number, uid))
            });
            let alike = pairs.filter(|(number, uid)| row(*number).is_some_and(|row| row.uid == *uid));
            alike.map(|(_, uid)| uid).max().unwrap_or(0)
        });
        if let Err(answer) = self.tell_earlier(&ranges, synced, known.modseq).await {
            return Ok(Err(answer));
        }
        let Some(selected) = &self.selected else { return Ok(Ok(())) };
        for (at, row) in selected.rows.iter().enumerate() {
            if row.modseq > known.modseq && SequenceSet::holds(&ranges, row.uid) {
                self.connection.say(selected.flags_line(at, true));
                self.connection.relieve().await?;
            }
        }
        Ok(Ok(()))
    }

    /// VANISHED (EARLIER) for UID FETCH (RFC 7162 §3.2.6).
    pub(crate) async fn tell_vanished(&mut self, set: &SequenceSet, since: u64) -> Result<(), Answer> {
        let Some(selected) = &self.selected else { return Ok(()) };
        // `*` is the last message there is; what was expunged behind it belongs to `n:*` all the same.
        let last = if set.has_last() { u32::MAX } else { selected.last_uid() };
        let ranges = set.resolve(last);
        self.tell_earlier(&ranges, 0, since).await
    }

    /// What vanished since a mod-sequence, in `ranges` and above UID `above`. What this session still shows is left
    /// out: it is told with VANISHED when its turn comes.
    async fn tell_earlier(&mut self, ranges: &[(u32, u32)], above: u32, since: u64) -> Result<(), Answer> {
        let Some(selected) = &self.selected else { return Ok(()) };
        let changes = match self.context.store.changes(selected.folder.id, since).await {
            Ok(changes) => changes,
            Err(error) => return Err(Answer::failed(&error)),
        };
        let mut vanished = changes.vanished;
        vanished.dedup();
        vanished
            .retain(|uid| *uid > above && SequenceSet::holds(ranges, *uid) && selected.find(*uid).is_none());
        if !vanished.is_empty() {
            self.connection.say(Line::untagged(&format!("VANISHED (EARLIER) {}", Compact(&vanished))));
        }
        Ok(())
    }
}
