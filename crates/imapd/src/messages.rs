//! STORE, COPY, MOVE, EXPUNGE, CLOSE.

use imap::command::{Change, Flag};
use imap::response::{self, Line};
use imap::{Compact, SequenceSet};
use mailstore::FlagChange;

use crate::selected::{flags_from, flags_of, number};
use crate::session::{Answer, Handled, Session};

/// Keywords that one STORE or APPEND may bring, and octets of one.
pub(crate) const MOST_KEYWORDS: usize = 30;
pub(crate) const LONGEST_KEYWORD: usize = 100;

impl Session {
    pub(crate) async fn store(
        &mut self,
        uid: bool,
        set: &SequenceSet,
        change: Change,
        silent: bool,
        flags: &[Flag],
    ) -> Handled {
        let Some(selected) = &mut self.selected else { return Ok(Answer::bad("Select a folder first")) };
        if selected.read_only {
            return Ok(Answer::no("READ-ONLY", "The folder was opened with EXAMINE"));
        }
        if let Some(answer) = too_many_keywords(flags) {
            return Ok(answer);
        }
        let uids: Vec<u32> = selected.resolve(set, uid).into_iter().map(|(_, uid)| uid).collect();
        if uids.is_empty() {
            return Ok(Answer::ok("No such message"));
        }
        let change = match change {
            Change::Add => FlagChange::Add,
            Change::Remove => FlagChange::Remove,
            Change::Replace => FlagChange::Replace,
        };
        let stored =
            self.context.store.store_flags(selected.folder.id, &uids, change, &flags_from(flags), None).await;
        let rows = match stored {
            Ok(rows) => rows,
            Err(error) => return Ok(Answer::failed(&error)),
        };
        selected.take(&rows);
        if !silent {
            for row in &rows {
                let Some(at) = selected.find(row.uid) else { continue };
                let flags = response::flags(&flags_of(&row.flags));
                let uid = if uid { format!("UID {} ", row.uid) } else { String::new() };
                self.connection.say(Line::untagged(&format!("{} FETCH ({uid}FLAGS {flags})", number(at))));
                self.connection.relieve().await?;
            }
        }
        Ok(Answer::ok("Flags stored"))
    }

    pub(crate) async fn copy(&mut self, uid: bool, set: &SequenceSet, folder: &str, remove: bool) -> Handled {
        let target = match self.folder(folder).await {
            Ok(target) => target,
            Err(answer) if answer.code == "NONEXISTENT" => {
                return Ok(Answer::no("TRYCREATE", "There is no such folder; create it first"));
            }
            Err(answer) => return Ok(answer),
        };
        let Some(selected) = &mut self.selected else { return Ok(Answer::bad("Select a folder first")) };
        if remove && selected.read_only {
            return Ok(Answer::no("READ-ONLY", "The folder was opened with EXAMINE"));
        }
        let uids: Vec<u32> = selected.resolve(set, uid).into_iter().map(|(_, uid)| uid).collect();
        if uids.is_empty() {
            return Ok(Answer::ok("No such message"));
        }
        let pairs = match self.context.store.copy(selected.folder.id, &uids, target.id, remove).await {
            Ok(pairs) => pairs,
            Err(error) => return Ok(Answer::failed(&error)),
        };
        let (from, to): (Vec<u32>, Vec<u32>) = pairs.into_iter().unzip();
        if from.is_empty() {
            return Ok(Answer::ok("These messages are gone"));
        }
        let code = format!("COPYUID {} {} {}", target.uid_validity, Compact(&from), Compact(&to));
        if !remove {
            return Ok(Answer::coded(code, "Messages copied"));
        }
        // RFC 6851 §4.3: COPYUID comes before the EXPUNGE responses, hence untagged.
        selected.lose(from);
        self.connection.say(Line::untagged(&format!("OK [{code}] Messages moved")));
        Ok(Answer::ok("Messages moved"))
    }

    pub(crate) async fn expunge(&mut self, set: Option<&SequenceSet>) -> Handled {
        let Some(selected) = &mut self.selected else { return Ok(Answer::bad("Select a folder first")) };
        if selected.read_only {
            return Ok(Answer::no("READ-ONLY", "The folder was opened with EXAMINE"));
        }
        let only: Option<Vec<u32>> =
            set.map(|set| selected.resolve(set, true).into_iter().map(|(_, uid)| uid).collect());
        match self.context.store.expunge(selected.folder.id, only.as_deref()).await {
            Ok(uids) => {
                selected.lose(uids);
                Ok(Answer::ok("Deleted messages removed"))
            }
            Err(error) => Ok(Answer::failed(&error)),
        }
    }

    /// CLOSE removes what is marked, and tells nothing of it (RFC 3501 §6.4.2).
    pub(crate) async fn close(&mut self) -> Handled {
        let Some(selected) = self.selected.take() else { return Ok(Answer::bad("Select a folder first")) };
        if !selected.read_only
            && let Err(error) = self.context.store.expunge(selected.folder.id, None).await
        {
            return Ok(Answer::failed(&error));
        }
        Ok(Answer::ok("Folder closed"))
    }
}

/// The answer to a list of flags that is beyond reason.
pub(crate) fn too_many_keywords(flags: &[Flag]) -> Option<Answer> {
    let keywords =
        flags.iter().filter_map(|flag| if let Flag::Keyword(word) = flag { Some(word) } else { None });
    let (mut count, mut longest) = (0, 0);
    for word in keywords {
        count += 1;
        longest = longest.max(word.len());
    }
    (count > MOST_KEYWORDS || longest > LONGEST_KEYWORD)
        .then(|| Answer::no("LIMIT", "At most 30 keywords of at most 100 octets at once"))
}
