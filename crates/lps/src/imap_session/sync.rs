//! What a synchronisation asks of a server (RFC 3501, RFC 7162): folders with their special uses and states, and answers
//! that are read one message at a time, however many there are.

use imap::client::{Command, Fetched, Folder, Response, Status, Untagged};
use kernel::{Failure, Stage};

use super::{ImapSession, refused, with_farewell};

/// Largest literal that is read over, in octets: a server that announces more is not worth the wait.
const MOST_LEFT_OUT: u64 = 512 * 1024 * 1024;

/// A folder, as one LIST tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Name and attributes.
    pub folder: Folder,
    /// Its STATUS items by name (`UIDNEXT`…); empty where the server does not tell them with LIST (RFC 5819).
    pub status: Vec<(String, u64)>,
}

impl Listed {
    /// The value of one STATUS item.
    pub fn item(&self, name: &str) -> Option<u64> {
        self.status.iter().find(|(found, _)| found == name).map(|(_, value)| *value)
    }
}

/// One piece of a streamed answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Streamed {
    /// One message's data.
    Fetched(Box<Fetched>),
    /// UIDs that are gone, as ranges.
    Vanished(Vec<(u32, u32)>),
    /// The oldest of the commands that were begun has ended well.
    Done,
    /// The server refused the oldest of the commands that were begun.
    Refused(Failure),
}

impl ImapSession {
    /// Messages of more than `octets` are read over instead of being kept: [`Fetched::left_out`] says which.
    pub fn leave_out_above(&mut self, octets: u64) {
        self.reader.leave_out_above(octets, MOST_LEFT_OUT.max(octets));
    }

    /// Whether the server offers this extension, such as `IDLE`.
    pub fn has(&self, capability: &str) -> bool {
        self.offers(capability)
    }

    /// The folder that is selected.
    pub fn selected(&self) -> Option<&str> {
        self.selected.as_deref()
    }

    /// Whether the server said, since this was asked last, that the selected folder has changed.
    pub fn take_stirred(&mut self) -> bool {
        std::mem::take(&mut self.stirred)
    }

    /// Turns extensions on (RFC 5161); gives those that the server agreed to, in upper case.
    pub async fn enable(&mut self, extensions: &str) -> Result<Vec<String>, Failure> {
        let tag = self.tags.next_tag();
        let (_, data) = self.run(&tag, &Command::new(&tag, "ENABLE").raw(extensions).finish()).await?;
        let enabled = data.into_iter().filter_map(|item| match item {
            Untagged::Enabled(words) => Some(words),
            _ => None,
        });
        Ok(enabled.flatten().map(|word| word.to_ascii_uppercase()).collect())
    }

    /// All folders with their special uses (RFC 6154), and their states too where the server tells both at once.
    pub async fn list_all(&mut self) -> Result<Vec<Listed>, Failure> {
        let mut ask = Vec::new();
        if self.offers("LIST-EXTENDED") || self.offers("IMAP4REV2") {
            if self.offers("SPECIAL-USE") || self.offers("IMAP4REV2") {
                ask.push("SPECIAL-USE");
            }
            if self.offers("LIST-STATUS") || self.offers("IMAP4REV2") {
                ask.push(match self.offers("CONDSTORE") {
                    true => "STATUS (UIDVALIDITY UIDNEXT HIGHESTMODSEQ)",
                    false => "STATUS (UIDVALIDITY UIDNEXT MESSAGES)",
                });
            }
        }
        let tag = self.tags.next_tag();
        let mut command = Command::new(&tag, "LIST").string("").string("*");
        if !ask.is_empty() {
            command = command.raw(&format!("RETURN ({})", ask.join(" ")));
        }
        let (_, data) = self.run(&tag, &command.finish()).await?;
        let mut listed: Vec<Listed> = Vec::new();
        let mut states = Vec::new();
        for item in data {
            match item {
                Untagged::List(folder) => listed.push(Listed { folder, status: Vec::new() }),
                Untagged::Status(name, items) => states.push((name, items)),
                _ => {}
            }
        }
        for (name, items) in states {
            if let Some(one) = listed.iter_mut().find(|one| one.folder.name == name) {
                one.status = items;
            }
        }
        Ok(listed)
    }

    /// Removes messages that bear `\Deleted` and these UIDs, and no others (RFC 4315): what another client marked stays.
    pub async fn expunge_uid(&mut self, set: &str) -> Result<(), Failure> {
        let tag = self.tags.next_tag();
        self.run(&tag, &Command::new(&tag, "UID EXPUNGE").raw(set).finish()).await.map(drop)
    }

    /// Does nothing, so that the server can tell what is new.
    pub async fn noop(&mut self) -> Result<(), Failure> {
        let tag = self.tags.next_tag();
        self.run(&tag, &Command::new(&tag, "NOOP").finish()).await.map(drop)
    }

    /// Sends `UID FETCH set items` without waiting. Several may be under way; [`Self::next_streamed`] reads their answers, in
    /// order, and must be called until each has ended before anything else is asked.
    pub async fn begin_fetch(&mut self, set: &str, items: &str) -> Result<(), Failure> {
        let tag = self.tags.next_tag();
        for segment in Command::new(&tag, "UID FETCH").raw(set).raw(items).finish().segments() {
            self.transport.write(Stage::Command, segment).await?;
        }
        self.asked.push_back(tag);
        Ok(())
    }

    /// How many commands that were begun have not ended.
    pub fn under_way(&self) -> usize {
        self.asked.len()
    }

    /// The next piece of the answers to what was begun. At most one message is in memory at a time.
    ///
    /// # Errors
    /// The connection is of no use any more: it broke, or what comes is not IMAP.
    pub async fn next_streamed(&mut self) -> Result<Streamed, Failure> {
        let mut farewell = Vec::new();
        loop {
            let response = match self.next(Stage::Command).await {
                Ok(response) => response,
                Err(failure) => return Err(with_farewell(failure, &farewell)),
            };
            match response {
                Response::Untagged(Untagged::Fetch(fetched)) => return Ok(Streamed::Fetched(fetched)),
                Response::Untagged(Untagged::Vanished { uids, .. }) => return Ok(Streamed::Vanished(uids)),
                Response::Untagged(item @ Untagged::Notice(_)) => farewell = vec![item],
                Response::Tagged(end) if self.asked.front() == Some(&end.tag) => {
                    self.asked.pop_front();
                    return Ok(match end.status {
                        Status::Ok => Streamed::Done,
                        _ => Streamed::Refused(refused(&end)),
                    });
                }
                _ => {}
            }
        }
    }
}
