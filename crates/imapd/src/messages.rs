//! STORE, COPY, MOVE, EXPUNGE, CLOSE.

use imap::command::{Change, Flag};
use imap::response::Line;
use imap::{Compact, SequenceSet};
use mailstore::FlagChange;

use crate::selected::{Selected, flags_from, number};
use crate::session::{Answer, Handled, Session};

/// Keywords that one STORE or APPEND may bring, and octets of one.
pub(crate) const MOST_KEYWORDS: usize = 30;
pub(crate) const LONGEST_KEYWORD: usize = 100;

impl Session {
    pub(crate) async fn store(
        &mut self,
        uid: bool,
        set: &SequenceSet,
        unchanged_since: Option<u64>,
        change: Change,
        silent: bool,
        flags: &[Flag],
    ) -> Handled {
        if unchanged_since.is_some() {
            self.enable_condstore();
        }
        let with_modseq = self.enabled.condstore;
        let Some(selected) = &mut self.selected else { return Ok(Answer::bad("Select a folder first")) };
        if selected.read_only {
            return Ok(Answer::no("READ-ONLY", "The folder was opened with EXAMINE"));
        }
        if let Some(answer) = too_many_keywords(flags) {
            return Ok(answer);
        }
        let wanted = match selected.named(set, uid) {
            Ok(wanted) => wanted,
            Err(answer) => return Ok(answer),
        };
        let uids: Vec<u32> = wanted.iter().map(|(_, uid)| *uid).collect();
        if uids.is_empty() {
            return Ok(Answer::ok("No such message"));
        }
        let change = match change {
            Change::Add => FlagChange::Add,
            Change::Remove => FlagChange::Remove,
            Change::Replace => FlagChange::Replace,
        };
        let folder = selected.folder.id;
        let stored =
            self.context.store.store_flags(folder, &uids, change, &flags_from(flags), unchanged_since).await;
        let rows = match stored {
            Ok(rows) => rows,
            Err(error) => return Ok(Answer::failed(&error)),
        };
        selected.take(&rows);
        self.tell_new_keywords();
        let Some(selected) = &self.selected else { return Ok(Answer::ok("Flags stored")) };
        // RFC 7162 §3.1.3: who knows of mod-sequences is told the new ones, .SILENT or not.
        if !silent || with_modseq {
            for row in &rows {
                let Some(at) = selected.find(row.uid) else { continue };
                let mut items = Vec::new();
                if uid || self.enabled.qresync {
                    items.push(format!("UID {}", row.uid));
                }
                if !silent {
                    items.push(format!("FLAGS {}", selected.flags_text(row.uid, &row.flags)));
                }
                if with_modseq {
                    items.push(format!("MODSEQ ({})", row.modseq));
                }
                let line = format!("{} FETCH ({})", number(at), items.join(" "));
                self.connection.say(Line::untagged(&line));
                self.connection.relieve().await?;
            }
        }
        if unchanged_since.is_none() || rows.len() == uids.len() {
            return Ok(Answer::ok("Flags stored"));
        }
        // What is left out was changed by somebody else, or is gone: only the former counts as modified.
        self.look_again();
        self.updates(false).await?;
        let Some(selected) = &self.selected else { return Ok(Answer::ok("Flags stored")) };
        let modified: Vec<u32> = wanted
            .iter()
            .filter(|(_, uid)| {
                rows.binary_search_by_key(uid, |row| row.uid).is_err() && !selected.is_gone(*uid)
            })
            .map(|(number, message)| if uid { *message } else { *number })
            .collect();
        Ok(match modified.is_empty() {
            true => Answer::ok("Flags stored where the messages still are"),
            false => Answer::coded(format!("MODIFIED {}", Compact(&modified)), "Some were changed meanwhile"),
        })
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
        let uids: Vec<u32> = match selected.named(set, uid) {
            Ok(wanted) => wanted.into_iter().map(|(_, uid)| uid).collect(),
            Err(answer) => return Ok(answer),
        };
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
        if !self.enabled.qresync {
            return Ok(Answer::ok("Messages moved"));
        }
        self.updates(true).await?;
        let modseq = self.selected.as_ref().map_or(1, Selected::modseq);
        Ok(Answer::coded(format!("HIGHESTMODSEQ {modseq}"), "Messages moved"))
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
                let text = "Deleted messages removed";
                let any = !uids.is_empty();
                selected.lose(uids);
                if !any || !self.enabled.qresync {
                    return Ok(Answer::ok(text));
                }
                // RFC 7162 §3.2.7. All that is known up to that mod-sequence is told before it.
                self.updates(true).await?;
                let modseq = self.selected.as_ref().map_or(1, Selected::modseq);
                Ok(Answer::coded(format!("HIGHESTMODSEQ {modseq}"), text))
            }
            Err(error) => Ok(Answer::failed(&error)),
        }
    }

    /// CLOSE removes what is marked, and tells nothing of it (RFC 3501 §6.4.2), nor a mod-sequence (RFC 7162 §3.2.8).
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
