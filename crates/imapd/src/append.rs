use bytes::Bytes;
use imap::command::parse_append;
use imap::framing::Frame;
use imap::response::Line;
use mailstore::Delivery;

use crate::connection::End;
use crate::messages::too_many_keywords;
use crate::selected::flags_from;
use crate::session::{Answer, Handled, Session};

/// A refused message that the client sends without waiting is read and dropped up to this many times the limit.
const DRAIN: u64 = 2;

impl Session {
    /// APPEND (RFC 3501 §6.3.11): the message goes into the store as it comes.
    pub(crate) async fn append(&mut self, head: &[u8], size: u64, synchronising: bool) -> Handled {
        let checked = match parse_append(head, self.dialect()) {
            Err(error) => {
                self.connection.pen.violation(format!("APPEND not understood: {error}"));
                Err(Answer::bad(error.to_string()))
            }
            Ok(_) if self.login.is_none() => Err(Answer::bad("Log in first, with AUTHENTICATE")),
            Ok(_) if size > self.context.limits.message => {
                let most = self.context.limits.message;
                Err(Answer::no("TOOBIG", format!("A message is at most {most} octets")))
            }
            Ok(_) if size == 0 => Err(Answer::no("", "A message has at least one octet")),
            Ok(head) => match (too_many_keywords(&head.flags), self.folder(&head.folder).await) {
                (Some(answer), _) => Err(answer),
                (None, Ok(folder)) => Ok((head, folder)),
                (None, Err(answer)) if answer.code == "NONEXISTENT" => {
                    Err(Answer::no("TRYCREATE", "There is no such folder; create it first"))
                }
                (None, Err(answer)) => Err(answer),
            },
        };
        let (head, folder) = match checked {
            Ok(checked) => checked,
            Err(answer) => return self.refuse_append(answer, size, synchronising).await,
        };
        if synchronising {
            self.connection.say(Line::new().text("+ Send the message"));
            self.connection.flush().await?;
        }
        let mut body = self.context.store.body();
        let mut failed = None;
        loop {
            let piece = self.connection.message().await?;
            if piece.is_empty() {
                break;
            }
            // After a failure the rest is read all the same, or the next command would be lost in it.
            if failed.is_none()
                && let Err(error) = body.push(&piece).await
            {
                failed = Some(error);
            }
        }
        let rest = self.append_end().await?;
        if !rest.is_empty() {
            self.connection.pen.violation("something follows the message of an APPEND");
            return Ok(Answer::bad("One APPEND holds one message, and its line ends there"));
        }
        if let Some(error) = failed {
            return Ok(Answer::failed(&error));
        }
        let delivery = Delivery {
            body: body.finish(),
            trace: Bytes::new(),
            folders: vec![folder.id],
            flags: flags_from(&head.flags),
            internal_date: head.date.unwrap_or_else(|| self.context.clock.now()),
        };
        let mut unit = db::Unit::new();
        let ticket = self.context.store.deliver_into(&mut unit, delivery);
        self.connection.pen.take_into(&mut unit);
        let delivered = match self.context.store.db().commit(unit).await {
            Ok(mut replies) => replies.take(ticket),
            Err(error) => return Ok(Answer::failed(&error)),
        };
        let uid = delivered.uids.first().copied().unwrap_or_default();
        Ok(Answer::coded(format!("APPENDUID {} {uid}", folder.uid_validity), "Message stored"))
    }

    async fn refuse_append(&mut self, answer: Answer, size: u64, synchronising: bool) -> Handled {
        if synchronising {
            self.connection.refuse_message();
            return Ok(answer);
        }
        if size > self.context.limits.message.saturating_mul(DRAIN) {
            return Err(End::Refused("A message far over the limit was sent without waiting".into()));
        }
        while !self.connection.message().await?.is_empty() {}
        self.append_end().await?;
        Ok(answer)
    }

    /// What follows the message on its last line.
    async fn append_end(&mut self) -> Result<Bytes, End> {
        match self.connection.frame().await? {
            Ok(Frame::AppendEnd(rest)) => Ok(rest),
            Ok(_) => Err(End::Refused("The end of APPEND was expected".into())),
            Err(refused) => {
                let text = refused.what.to_string();
                self.connection.pen.violation(&text);
                Err(End::Refused(text))
            }
        }
    }
}
