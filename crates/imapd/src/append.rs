//! APPEND (RFC 3501 §6.3.11): the messages go into the store as they come, all of them or none (RFC 3502).

use bytes::Bytes;
use faults::Point;
use imap::Compact;
use imap::command::{AfterMessage, AppendMessage, parse_after_message, parse_append};
use imap::framing::Frame;
use imap::mime::Armour;
use imap::response::Line;
use intake::Reading;
use mailstore::{Delivery, Folder, NewBody};

use crate::capability::Extension;
use crate::connection::End;
use crate::messages::too_many_keywords;
use crate::selected::flags_from;
use crate::session::{Answer, Handled, Session};

/// Refused messages that the client sends without waiting are read and dropped up to this many times the limit.
const DRAIN: u64 = 2;
/// Messages of one APPEND.
const MOST_MESSAGES: usize = 1_000;

/// The messages of one command, as far as they have come.
struct Batch {
    folder: Folder,
    done: Vec<(NewBody, AppendMessage)>,
    /// Octets of all of them, the present one included.
    size: u64,
}

impl Session {
    /// `answered` where a fault has answered already, and the message is not taken.
    pub(crate) async fn append(
        &mut self,
        head: &[u8],
        size: u64,
        synchronising: bool,
        answered: bool,
    ) -> Handled {
        if answered {
            let next = Next { message: Ok(AppendMessage::default()), size, synchronising };
            return self.refuse_rest(Answer::none(), After::Next(next), 0).await;
        }
        let (mut message, mut batch) = match self.append_head(head, size).await {
            Ok((message, folder)) => (message, Ok(Batch { folder, done: Vec::new(), size })),
            Err((message, answer)) => (message, Err(answer)),
        };
        let (mut size, mut synchronising, mut drained) = (size, synchronising, 0u64);
        loop {
            let after = match &mut batch {
                Ok(batch) => {
                    if synchronising {
                        self.connection.say(Line::new().text("+ Send the message"));
                        self.connection.flush().await?;
                    }
                    match self.receive(message.binary).await? {
                        Ok(body) => {
                            batch.done.push((body, message.clone()));
                            self.after_message(message.utf8).await?
                        }
                        Err(answer) => {
                            let after = self.after_message(message.utf8).await?;
                            return self.refuse_rest(answer, after, drained).await;
                        }
                    }
                }
                Err(answer) => {
                    let answer = answer.clone();
                    if synchronising {
                        self.connection.refuse_message();
                        return Ok(answer);
                    }
                    drained = drained.saturating_add(size);
                    if drained > self.context.limits.message.saturating_mul(DRAIN) {
                        let text = "Messages far over the limit were sent without waiting";
                        return Err(End::Refused(text.into()));
                    }
                    while !self.connection.message().await?.is_empty() {}
                    self.after_message(message.utf8).await?
                }
            };
            let next = match after {
                After::End => return self.commit(batch).await,
                After::Wrong(answer) => return Ok(batch.err().unwrap_or(answer)),
                After::Next(next) => next,
            };
            (size, synchronising) = (next.size, next.synchronising);
            batch = match batch {
                Ok(mut batch) => {
                    batch.size = batch.size.saturating_add(size);
                    self.admit(&next.message, size, &batch).map(|()| batch)
                }
                refused => refused,
            };
            match next.message {
                Ok(next) => message = next,
                Err(_) => message = AppendMessage::default(),
            }
        }
    }

    async fn append_head(
        &mut self,
        head: &[u8],
        size: u64,
    ) -> Result<(AppendMessage, Folder), (AppendMessage, Answer)> {
        let head = match parse_append(head, self.dialect()) {
            Ok(head) => head,
            Err(error) => {
                self.connection.pen.violation(format!("APPEND not understood: {error}"));
                return Err((AppendMessage::default(), Answer::bad(error.to_string())));
            }
        };
        let message = head.message;
        if self.login.is_none() {
            return Err((message, Answer::bad("Log in first, with AUTHENTICATE")));
        }
        if let Err(answer) = self.check_message(&message, size) {
            return Err((message, answer));
        }
        match self.folder(&head.folder).await {
            Ok(folder) => Ok((message, folder)),
            Err(answer) if answer.code == "NONEXISTENT" => {
                Err((message, Answer::no("TRYCREATE", "There is no such folder; create it first")))
            }
            Err(answer) => Err((message, answer)),
        }
    }

    /// What may be said of one message before it comes.
    fn check_message(&self, message: &AppendMessage, size: u64) -> Result<(), Answer> {
        let most = self.context.limits.message;
        if size > most {
            return Err(Answer::no("TOOBIG", format!("A message is at most {most} octets")));
        }
        if size == 0 {
            return Err(Answer::no("", "A message has at least one octet"));
        }
        if message.utf8 && !self.enabled.utf8 {
            return Err(Answer::bad("UTF8 (…) after ENABLE UTF8=ACCEPT only (RFC 6855 §4)"));
        }
        if message.binary && !message.utf8 && !self.knows(Extension::Binary) {
            return Err(Answer::bad("BINARY is not offered here: see CAPABILITY"));
        }
        too_many_keywords(&message.flags).map_or(Ok(()), Err)
    }

    /// The same of a message that is not the first one.
    fn admit(&self, message: &Result<AppendMessage, Answer>, size: u64, batch: &Batch) -> Result<(), Answer> {
        let message = message.as_ref().map_err(Clone::clone)?;
        if !self.knows(Extension::MultiAppend) {
            return Err(Answer::bad("MULTIAPPEND is not offered here: see CAPABILITY"));
        }
        if batch.done.len() >= MOST_MESSAGES {
            return Err(Answer::no("LIMIT", format!("One APPEND holds at most {MOST_MESSAGES} messages")));
        }
        self.check_message(message, size)?;
        let most = self.context.limits.message;
        if batch.size > most {
            return Err(Answer::no("TOOBIG", format!("One APPEND holds at most {most} octets in all")));
        }
        Ok(())
    }

    /// Takes a message in. What came as literal8 is stored so that BODY[] can give it without NUL.
    async fn receive(&mut self, binary: bool) -> Result<Result<NewBody, Answer>, End> {
        let mut body = self.context.store.body();
        let mut reading = Reading::default();
        let mut armour = binary.then(Armour::default);
        let mut failed = None;
        let (mut octets, mut wrong) = (0u64, self.ask(Point::Message, "APPEND"));
        loop {
            if let Some(hit) = wrong.take_if(|hit| hit.byte <= octets) {
                self.connection.tell_fault(&hit);
                self.suffer(&hit, "*").await?;
                self.connection.flush().await?;
            }
            let piece = self.connection.message().await?;
            octets += piece.len() as u64;
            if piece.is_empty() {
                break;
            }
            // After a failure the rest is read all the same, or the next command would be lost in it.
            if failed.is_none() {
                let piece = match &mut armour {
                    Some(armour) => {
                        let mut text = Vec::with_capacity(piece.len() * 2);
                        armour.push(&piece, &mut text);
                        text.into()
                    }
                    None => piece,
                };
                reading.push(&piece);
                failed = body.push(&piece).await.err();
            }
        }
        if let Some(hit) = wrong {
            self.faults.missed(&hit);
        }
        if let (Some(armour), None) = (armour, &failed) {
            let mut rest = Vec::new();
            armour.finish(&mut rest);
            reading.push(&rest);
            failed = body.push(&rest).await.err();
        }
        if let Some(error) = failed {
            return Ok(Err(Answer::failed(&error)));
        }
        let mut body = body.finish();
        body.learned = Some(reading.finish());
        Ok(Ok(body))
    }

    /// What follows a message on its last line.
    async fn after_message(&mut self, utf8: bool) -> Result<After, End> {
        let (bytes, next) = match self.connection.frame().await? {
            Ok(Frame::AppendEnd(rest)) => (rest, None),
            Ok(Frame::AppendNext { bytes, size, synchronising }) => (bytes, Some((size, synchronising))),
            Ok(_) => return Err(End::Refused("The end of APPEND was expected".into())),
            Err(refused) => {
                let text = refused.what.to_string();
                self.connection.pen.violation(&text);
                return Err(End::Refused(text));
            }
        };
        let read = parse_after_message(&bytes, utf8);
        if let Err(error) = &read {
            self.connection
                .pen
                .violation(format!("something is wrong behind a message of an APPEND: {error}"));
        }
        Ok(match (read, next) {
            (Ok(AfterMessage::End), None) => After::End,
            (Ok(AfterMessage::Another(message)), Some((size, synchronising))) => {
                After::Next(Next { message: Ok(message), size, synchronising })
            }
            (Err(error), Some((size, synchronising))) => {
                After::Next(Next { message: Err(Answer::bad(error.to_string())), size, synchronising })
            }
            (Err(error), None) => After::Wrong(Answer::bad(format!("Behind the message, {error}"))),
            _ => After::Wrong(Answer::bad("Another message was expected behind this one")),
        })
    }

    /// The store failed: what still comes is read and dropped.
    async fn refuse_rest(&mut self, answer: Answer, after: After, drained: u64) -> Handled {
        let (mut after, mut drained) = (after, drained);
        while let After::Next(next) = after {
            if next.synchronising {
                self.connection.refuse_message();
                break;
            }
            drained = drained.saturating_add(next.size);
            if drained > self.context.limits.message.saturating_mul(DRAIN) {
                return Err(End::Refused("Messages far over the limit were sent without waiting".into()));
            }
            while !self.connection.message().await?.is_empty() {}
            after = self.after_message(next.message.is_ok_and(|message| message.utf8)).await?;
        }
        Ok(answer)
    }

    /// All messages and their events in one commit.
    async fn commit(&mut self, batch: Result<Batch, Answer>) -> Handled {
        let batch = match batch {
            Ok(batch) => batch,
            Err(answer) => return Ok(answer),
        };
        let now = self.context.clock.now();
        let mut unit = db::Unit::new();
        let tickets: Vec<_> = batch
            .done
            .into_iter()
            .map(|(body, message)| {
                let delivery = Delivery {
                    body,
                    trace: Bytes::new(),
                    folders: vec![batch.folder.id],
                    flags: flags_from(&message.flags),
                    internal_date: message.date.unwrap_or(now),
                };
                self.context.store.deliver_into(&mut unit, delivery)
            })
            .collect();
        // What was asked is kept also where the store refuses the messages, and the unit with them.
        self.connection.pen.flush();
        self.connection.pen.take_into(&mut unit);
        let mut replies = match self.context.store.db().commit(unit).await {
            Ok(replies) => replies,
            Err(error) => return Ok(Answer::failed(&error)),
        };
        let uids: Vec<u32> =
            tickets.into_iter().filter_map(|ticket| replies.take(ticket).uids.first().copied()).collect();
        let text = if uids.len() > 1 { "Messages stored" } else { "Message stored" };
        Ok(Answer::coded(format!("APPENDUID {} {}", batch.folder.uid_validity, Compact(&uids)), text))
    }
}

enum After {
    End,
    Next(Next),
    Wrong(Answer),
}

struct Next {
    message: Result<AppendMessage, Answer>,
    size: u64,
    synchronising: bool,
}
