//! Folders: LIST, LSUB, STATUS, CREATE, DELETE, RENAME, SUBSCRIBE.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use imap::command::{List, StatusItem, pattern_matches};
use imap::response::{self, Line};
use mailstore::Folder;

use crate::session::{Answer, Handled, Session};

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
            Ok(Some(folder)) => Ok(folder),
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
        for (name, folder) in &tree {
            if !patterns.iter().any(|pattern| pattern_matches(pattern, name)) {
                continue;
            }
            let folder = folder.as_ref();
            let below = || children(&tree, name).any(|(_, child)| selected(child.as_ref()));
            let child_info = list.recursive_match && below();
            if !selected(folder) && !child_info {
                continue;
            }
            let mut attributes = attributes(&tree, name, folder);
            if list.return_subscribed && folder.is_some_and(|folder| folder.subscribed) {
                attributes.push_str(" \\Subscribed");
            }
            let info = match (child_info, list.select_subscribed) {
                (true, true) => " (\"CHILDINFO\" (\"SUBSCRIBED\"))",
                (true, false) => " (\"CHILDINFO\" (\"SPECIAL-USE\"))",
                _ => "",
            };
            let line = format!("LIST ({attributes}) \"/\" {}{info}", response::folder(name));
            self.connection.say(Line::untagged(&line));
            if let (Some(items), Some(folder)) = (&list.return_status, folder) {
                match self.status_line(folder, items).await {
                    Ok(line) => self.connection.say(line),
                    Err(answer) => return Ok(answer),
                }
            }
            self.connection.relieve().await?;
        }
        Ok(Answer::ok("Folders listed"))
    }

    pub(crate) async fn lsub(&mut self, reference: &str, pattern: &str) -> Handled {
        let tree = match self.tree().await {
            Ok(tree) => tree,
            Err(answer) => return Ok(answer),
        };
        let pattern = format!("{reference}{pattern}");
        let subscribed = |folder: &Option<Folder>| folder.as_ref().is_some_and(|folder| folder.subscribed);
        for (name, folder) in &tree {
            if !pattern_matches(&pattern, name) {
                continue;
            }
            // RFC 3501 §6.3.9: with %, a parent of something subscribed is told as \Noselect.
            let attributes = if subscribed(folder) {
                attributes(&tree, name, folder.as_ref())
            } else if pattern.contains('%') && children(&tree, name).any(|(_, child)| subscribed(child)) {
                "\\Noselect".to_owned()
            } else {
                continue;
            };
            let line = format!("LSUB ({attributes}) \"/\" {}", response::folder(name));
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

    async fn status_line(&self, folder: &Folder, items: &[StatusItem]) -> Result<Line, Answer> {
        let status = match self.context.store.status(folder.id).await {
            Ok(status) => status,
            Err(error) => return Err(Answer::failed(&error)),
        };
        let mut out = String::new();
        for item in items {
            let value = match item {
                StatusItem::Messages => status.messages.into(),
                StatusItem::Recent => 0,
                StatusItem::UidNext => status.uid_next.into(),
                StatusItem::UidValidity => status.uid_validity.into(),
                StatusItem::Unseen => status.unseen.into(),
                StatusItem::Deleted => status.deleted.into(),
                StatusItem::Size => status.size,
                StatusItem::AppendLimit => self.context.limits.message,
            };
            let space = if out.is_empty() { "" } else { " " };
            let _ = write!(out, "{space}{} {value}", item.name());
        }
        Ok(Line::untagged(&format!("STATUS {} ({out})", response::folder(&folder.name))))
    }

    pub(crate) async fn create(&mut self, name: &str) -> Handled {
        // RFC 3501 §6.3.3: a separator at the end only says that there will be something below.
        let name = name.strip_suffix('/').unwrap_or(name);
        if let Some(why) = unfit(name) {
            return Ok(Answer::no("CANNOT", why));
        }
        Ok(match self.context.store.create_folder(self.account(), name).await {
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
        if let Some(why) = unfit(to) {
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
            Err(answer) => return Ok(answer),
        };
        Ok(match self.context.store.subscribe(folder.id, subscribed).await {
            Ok(()) => Answer::ok(if subscribed { "Subscribed" } else { "Unsubscribed" }),
            Err(error) => Answer::failed(&error),
        })
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

fn attributes(tree: &BTreeMap<String, Option<Folder>>, name: &str, folder: Option<&Folder>) -> String {
    let has_children = children(tree, name).next().is_some();
    let mut out = String::from(if has_children { "\\HasChildren" } else { "\\HasNoChildren" });
    match folder {
        None => out.push_str(" \\NonExistent \\Noselect"),
        Some(Folder { special_use: Some(usage), .. }) => {
            out.push(' ');
            out.push_str(usage);
        }
        Some(_) => {}
    }
    out
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
