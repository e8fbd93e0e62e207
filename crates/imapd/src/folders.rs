//! Folders: LIST, LSUB, STATUS, CREATE, DELETE, RENAME, SUBSCRIBE.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use imap::command::{List, StatusItem, pattern_matches};
use imap::response::{self, Line};
use mailstore::Folder;
use unicode_normalization::is_nfc;

use crate::capability::Extension;
use crate::selected::mailbox_id;
use crate::session::{Answer, Handled, Session};

/// The special uses that a folder can be given (RFC 6154 §2): `\\All` and `\\Flagged` are views, which are not offered.
const USES: [&str; 5] = ["\\Archive", "\\Drafts", "\\Junk", "\\Sent", "\\Trash"];

/// Levels of folders, and octets of one name: past these a client is playing.
const DEEPEST: usize = 16;
const LONGEST: usize = 255;

impl Session {
    pub(crate) fn account(&self) -> i64 {
        self.login.as_ref().map_or(0, |login| login.account)
    }

    /// The folder of that name, or what to answer where there is none.
    pub(crate) async fn folder(&self, name: &str) -> Result<Folder, Answer> {
        match self.context.store.folder(self.account(), name).await {
            Ok(Some(mut folder)) => {
                folder.uid_validity = self.told_validity(folder.uid_validity);
                Ok(folder)
            }
            Ok(None) => Err(Answer::no("NONEXISTENT", "There is no such folder")),
            Err(error) => Err(Answer::failed(&error)),
        }
    }

    pub(crate) async fn list(&mut self, list: &List) -> Handled {
        if !list.extended && list.patterns.iter().all(String::is_empty) {
            self.connection.say(Line::untagged("LIST (\\Noselect) \"/\" \"\""));
            return Ok(Answer::ok("The separator is /"));
        }
        let tree = match self.tree().await {
            Ok(tree) => tree,
            Err(answer) => return Ok(answer),
        };
        let patterns: Vec<String> =
            list.patterns.iter().map(|pattern| format!("{}{pattern}", list.reference)).collect();
        let selected = |folder: Option<&Folder>| {
            folder.map_or(!list.select_subscribed && !list.select_special_use, |folder| {
                (!list.select_subscribed || folder.subscribed)
                    && (!list.select_special_use || folder.special_use.is_some())
            })
        };
        let matched = |name: &str| patterns.iter().any(|pattern| pattern_matches(pattern, name));
        let (look, utf8) = (self.look(), self.dialect().utf8);
        for (name, folder) in &tree {
            if !matched(name) {
                continue;
            }
            let folder = folder.as_ref();
            let itself = selected(folder);
            // RFC 5258 §3.5: a parent that is not selected itself is told only for a child that is not told.
            let child_info = list.recursive_match
                && children(&tree, name)
                    .any(|(child, folder)| selected(folder.as_ref()) && (itself || !matched(child)));
            if !itself && !child_info {
                continue;
            }
            let mut attributes = attributes(&tree, name, folder, look);
            if list.return_subscribed && folder.is_some_and(|folder| folder.subscribed) {
                attributes.push_str(" \\Subscribed");
            }
            let info = match (child_info, list.select_subscribed) {
                (true, true) => " (\"CHILDINFO\" (\"SUBSCRIBED\"))",
                (true, false) => " (\"CHILDINFO\" (\"SPECIAL-USE\"))",
                _ => "",
            };
            let line = format!("LIST ({attributes}) \"/\" {}{info}", response::mailbox(name, utf8));
            self.connection.say(Line::untagged(&line));
            if let (Some(items), Some(folder)) = (&list.return_status, folder) {
                match self.status_line(folder, items).await {
                    Ok(line) => self.connection.say(line),
                    Err(answer) => return Ok(answer),
                }
            }
            self.connection.relieve().await?;
        }
        if list.select_subscribed {
            let lost = match self.lost(&tree).await {
                Ok(lost) => lost,
                Err(answer) => return Ok(answer),
            };
            for name in lost.iter().filter(|name| matched(name)) {
                let name = response::mailbox(name, utf8);
                let line = format!("LIST (\\NonExistent \\Subscribed) \"/\" {name}");
                self.connection.say(Line::untagged(&line));
            }
        }
        Ok(Answer::ok("Folders listed"))
    }

    pub(crate) async fn lsub(&mut self, reference: &str, pattern: &str) -> Handled {
        let tree = match self.tree().await {
            Ok(tree) => tree,
            Err(answer) => return Ok(answer),
        };
        let pattern = format!("{reference}{pattern}");
        let (look, utf8) = (self.look(), self.dialect().utf8);
        let subscribed = |folder: &Option<Folder>| folder.as_ref().is_some_and(|folder| folder.subscribed);
        for (name, folder) in &tree {
            if !pattern_matches(&pattern, name) {
                continue;
            }
            // RFC 3501 §6.3.9: with %, a parent of something subscribed is told as \Noselect.
            let attributes = if subscribed(folder) {
                attributes(&tree, name, folder.as_ref(), look)
            } else if pattern.contains('%') && children(&tree, name).any(|(_, child)| subscribed(child)) {
                "\\Noselect".to_owned()
            } else {
                continue;
            };
            let line = format!("LSUB ({attributes}) \"/\" {}", response::mailbox(name, utf8));
            self.connection.say(Line::untagged(&line));
        }
        let lost = match self.lost(&tree).await {
            Ok(lost) => lost,
            Err(answer) => return Ok(answer),
        };
        for name in lost.iter().filter(|name| pattern_matches(&pattern, name)) {
            let line = format!("LSUB (\\Noselect) \"/\" {}", response::mailbox(name, utf8));
            self.connection.say(Line::untagged(&line));
        }
        Ok(Answer::ok("Subscribed folders listed"))
    }

    pub(crate) async fn status(&mut self, name: &str, items: &[StatusItem]) -> Handled {
        let line = match self.folder(name).await {
            Ok(folder) => self.status_line(&folder, items).await,
            Err(answer) => Err(answer),
        };
        match line {
            Ok(line) => {
                self.connection.say(line);
                Ok(Answer::ok("Status told"))
            }
            Err(answer) => Ok(answer),
        }
    }

    async fn status_line(&mut self, folder: &Folder, items: &[StatusItem]) -> Result<Line, Answer> {
        if items.contains(&StatusItem::HighestModSeq) {
            self.enable_condstore(); // RFC 7162 §3.1.8
        }
        let status = match self.context.store.status(folder.id).await {
            Ok(status) => status,
            Err(error) => return Err(Answer::failed(&error)),
        };
        let mut out = String::new();
        for item in items {
            let value: u64 = match item {
                StatusItem::Messages => status.messages.into(),
                StatusItem::Recent => status.recent.into(),
                StatusItem::UidNext => status.uid_next.into(),
                StatusItem::UidValidity => self.told_validity(status.uid_validity).into(),
                StatusItem::Unseen => status.unseen.into(),
                StatusItem::Deleted => status.deleted.into(),
                StatusItem::DeletedStorage => status.deleted_size,
                StatusItem::Size => status.size,
                StatusItem::AppendLimit => self.context.limits.message,
                StatusItem::HighestModSeq => status.highest_modseq,
                StatusItem::MailboxId => {
                    let _ = write!(out, "{}MAILBOXID ({})", gap(&out), mailbox_id(folder));
                    continue;
                }
            };
            let _ = write!(out, "{}{} {value}", gap(&out), item.name());
        }
        let name = response::mailbox(&folder.name, self.dialect().utf8);
        Ok(Line::untagged(&format!("STATUS {name} ({out})")))
    }

    /// The LIST line of one folder, as SELECT tells it in IMAP4rev2 (RFC 9051 §6.3.2).
    pub(crate) async fn list_line(&self, folder: &Folder) -> Result<Line, Answer> {
        let tree = self.tree().await?;
        let attributes = attributes(&tree, &folder.name, Some(folder), self.look());
        let name = response::mailbox(&folder.name, self.dialect().utf8);
        Ok(Line::untagged(&format!("LIST ({attributes}) \"/\" {name}")))
    }

    /// Which attributes the profile has.
    fn look(&self) -> Look {
        Look { children: self.knows(Extension::Children), uses: self.knows(Extension::SpecialUse) }
    }

    /// Why a name cannot be given, if it cannot.
    fn unfit(&self, name: &str) -> Option<&'static str> {
        // RFC 9051 §5.1, RFC 5198 §3: what cannot be told apart on a screen is written in one way only.
        let net_unicode = || is_nfc(name) && !name.contains(['\u{2028}', '\u{2029}']);
        if self.dialect().utf8 && !net_unicode() {
            return Some("A folder's name is in Unicode's form NFC, without line separators (RFC 5198)");
        }
        unfit(name)
    }

    pub(crate) async fn create(&mut self, name: &str, special_use: Option<&[String]>) -> Handled {
        let special_use = match special_use.unwrap_or_default() {
            [] => None,
            [usage] if USES.iter().any(|known| known.eq_ignore_ascii_case(usage)) => Some(usage.as_str()),
            _ => {
                // RFC 6154 §3: the folder is not created without its use.
                return Ok(Answer::no("USEATTR", "One of \\Archive, \\Drafts, \\Junk, \\Sent and \\Trash"));
            }
        };
        // RFC 3501 §6.3.3: a separator at the end only says that there will be something below.
        let name = name.strip_suffix('/').unwrap_or(name);
        if let Some(why) = self.unfit(name) {
            return Ok(Answer::no("CANNOT", why));
        }
        Ok(match self.context.store.create_folder_for(self.account(), name, special_use).await {
            Ok(Some(folder)) if self.knows(Extension::ObjectId) => {
                Answer::coded(format!("MAILBOXID ({})", mailbox_id(&folder)), "Folder created")
            }
            Ok(Some(_)) => Answer::ok("Folder created"),
            Ok(None) => Answer::no("ALREADYEXISTS", "There is such a folder already"),
            Err(error) => Answer::failed(&error),
        })
    }

    pub(crate) async fn delete(&mut self, name: &str) -> Handled {
        if name.eq_ignore_ascii_case("INBOX") {
            return Ok(Answer::no("CANNOT", "INBOX cannot be deleted"));
        }
        let folder = match self.folder(name).await {
            Ok(folder) => folder,
            Err(answer) => return Ok(answer),
        };
        if self.selected.as_ref().is_some_and(|selected| selected.folder.id == folder.id) {
            self.selected = None;
        }
        Ok(match self.context.store.delete_folder(folder.id).await {
            Ok(()) => Answer::ok("Folder deleted"),
            Err(error) => Answer::failed(&error),
        })
    }

    pub(crate) async fn rename(&mut self, from: &str, to: &str) -> Handled {
        let to = to.strip_suffix('/').unwrap_or(to);
        if let Some(why) = self.unfit(to) {
            return Ok(Answer::no("CANNOT", why));
        }
        if let Err(answer) = self.folder(from).await {
            return Ok(answer);
        }
        if to.strip_prefix(from).is_some_and(|rest| rest.starts_with('/')) {
            return Ok(Answer::no("CANNOT", "A folder cannot go below itself"));
        }
        Ok(match self.context.store.rename_folder(self.account(), from, to).await {
            Ok(true) => Answer::ok("Folder renamed"),
            Ok(false) => Answer::no("ALREADYEXISTS", "There is a folder of the new name already"),
            Err(error) => Answer::failed(&error),
        })
    }

    pub(crate) async fn subscribe(&mut self, name: &str, subscribed: bool) -> Handled {
        let folder = match self.folder(name).await {
            Ok(folder) => folder,
            Err(answer) if subscribed => return Ok(answer),
            Err(answer) => {
                return Ok(match self.context.store.forget_subscription(self.account(), name).await {
                    Ok(true) => Answer::ok("Unsubscribed"),
                    Ok(false) => answer,
                    Err(error) => Answer::failed(&error),
                });
            }
        };
        Ok(match self.context.store.subscribe(folder.id, subscribed).await {
            Ok(()) => Answer::ok(if subscribed { "Subscribed" } else { "Unsubscribed" }),
            Err(error) => Answer::failed(&error),
        })
    }

    /// Subscribed names without a folder.
    async fn lost(&self, tree: &BTreeMap<String, Option<Folder>>) -> Result<Vec<String>, Answer> {
        let mut names = match self.context.store.lost_subscriptions(self.account()).await {
            Ok(names) => names,
            Err(error) => return Err(Answer::failed(&error)),
        };
        names.retain(|name| !tree.contains_key(name));
        Ok(names)
    }

    /// All folders by name, and `None` for parents that do not exist themselves.
    async fn tree(&self) -> Result<BTreeMap<String, Option<Folder>>, Answer> {
        let folders = match self.context.store.folders(self.account()).await {
            Ok(folders) => folders,
            Err(error) => return Err(Answer::failed(&error)),
        };
        let mut tree = BTreeMap::new();
        for folder in folders {
            for (at, _) in folder.name.match_indices('/') {
                tree.entry(folder.name[..at].to_owned()).or_insert(None);
            }
            tree.insert(folder.name.clone(), Some(folder));
        }
        Ok(tree)
    }
}

fn children<'a>(
    tree: &'a BTreeMap<String, Option<Folder>>,
    name: &str,
) -> impl Iterator<Item = (&'a String, &'a Option<Folder>)> {
    let prefix = format!("{name}/");
    tree.range(prefix.clone()..).take_while(move |(child, _)| child.starts_with(&prefix))
}

/// Which attributes are told.
#[derive(Clone, Copy)]
struct Look {
    children: bool,
    uses: bool,
}

fn attributes(
    tree: &BTreeMap<String, Option<Folder>>,
    name: &str,
    folder: Option<&Folder>,
    look: Look,
) -> String {
    let mut out = Vec::new();
    if look.children {
        let has_children = children(tree, name).next().is_some();
        out.push(if has_children { "\\HasChildren" } else { "\\HasNoChildren" });
    }
    match folder {
        None if look.children => out.push("\\NonExistent \\Noselect"),
        None => out.push("\\Noselect"),
        Some(Folder { special_use: Some(usage), .. }) if look.uses => out.push(usage),
        Some(_) => {}
    }
    out.join(" ")
}

/// What goes before the next item of a list.
fn gap(list: &str) -> &'static str {
    if list.is_empty() { "" } else { " " }
}

/// Why a name cannot be given, if it cannot.
fn unfit(name: &str) -> Option<&'static str> {
    if name.is_empty() || name.starts_with('/') || name.ends_with('/') || name.contains("//") {
        return Some("No part of a folder's name may be empty");
    }
    if name.len() > LONGEST || name.split('/').count() > DEEPEST {
        return Some("The name is too long, or too deep");
    }
    if name.chars().any(|c| c.is_control() || matches!(c, '*' | '%')) {
        return Some("A folder's name holds no control character, no * and no %");
    }
    None
}
