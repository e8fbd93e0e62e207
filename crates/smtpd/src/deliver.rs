//! A message that is in goes to its mailboxes: it is on disk, with its events and the notices that it gives rise to,
//! before the client is told so.

use faults::Point;
use mailstore::{Delivery, Flags};
use smtp::{Response, SenderError, senders};
use wire::{Fact, MailFacts};

use crate::Resolution;
use crate::connection::End;
use crate::envelope::{Fate, Transaction};
use crate::headers;
use crate::notices;
use crate::receive::Received;
use crate::session::{Session, later};

/// Largest header block: what the store keeps of it. A longer one would hide fields from the judge.
const LARGEST_HEADERS: usize = 64 * 1024;

impl Session {
    /// One commit for the message, its notices, and every event up to the `250` that it allows.
    pub(crate) async fn deliver(
        &mut self,
        mut transaction: Transaction,
        received: Received,
    ) -> Result<(), End> {
        if received.body.headers.len() >= LARGEST_HEADERS {
            let text = format!("Message refused: header block over {LARGEST_HEADERS} octets");
            return self.answer(Response::new(552, "5.3.4", text)).await;
        }
        if let Some(refusal) = self.refuse_author(&received) {
            return self.answer(refusal).await;
        }
        if let Some(hit) = self.fault(Point::Dot)
            && self.suffer(hit).await?
        {
            return Ok(());
        }
        // What led here is told whatever comes of it; the message's own facts go with the message.
        self.connection.pen.flush();
        let (mut given_up, mut notices) = (false, Notices::Due);
        loop {
            match self.commit(&transaction, &received, given_up, notices).await {
                Ok(accepted) if self.shared.endpoint.faults.watches(Point::Accepted) => {
                    if let Some(hit) = self.fault(Point::Accepted)
                        && self.suffer(hit).await?
                    {
                        return Ok(());
                    }
                    return self.answer(accepted).await;
                }
                Ok(accepted) => {
                    self.connection.queue(&accepted).await?;
                    return self.count(&accepted).await;
                }
                Err(error) if error.is_over_quota() => {
                    // First without the recipients that have no room, then without a word to the sender: it may be
                    // the notices that do not fit.
                    if !given_up && self.give_up_full_mailboxes(&mut transaction, &received).await {
                        given_up = true;
                    } else if matches!(notices, Notices::Due) {
                        notices = Notices::Dropped;
                    } else {
                        return self.answer(unplaced(&transaction, &error)).await;
                    }
                }
                Err(error) => {
                    let queue_id = &received.queue_id;
                    tracing::error!(%error, queue_id, "a message could not be committed");
                    self.shared.inboxes.forget(&transaction.folders());
                    return self.answer(unstored(&error)).await;
                }
            }
        }
    }

    /// Whoever is named as the author must be somebody that this session may speak for (RFC 6409 §6.1). A message
    /// without From is the checker's affair: it misleads nobody.
    fn refuse_author(&self, received: &Received) -> Option<Response> {
        let login = self.login.as_ref()?;
        let recipients = &self.context().recipients;
        let text = match senders(&received.body.headers) {
            Ok(authors) => {
                let foreign = authors.iter().find(|author| !recipients.may_send_as(login, &author.key()))?;
                format!("the From field names <{foreign}>, and this session belongs to {}", login.mailbox)
            }
            Err(error @ (SenderError::Twice | SenderError::Unreadable)) => error.to_string(),
        };
        Some(Response::new(550, "5.7.1", format!("Message refused: {text}")))
    }

    async fn commit(
        &mut self,
        transaction: &Transaction,
        received: &Received,
        given_up: bool,
        notices: Notices,
    ) -> Result<Response, db::Error> {
        let mut unit = db::Unit::new();
        let (notices, lost) = self.notices(transaction, received, notices).await?;
        let folders = transaction.folders();
        if given_up && folders.is_empty() && notices.is_empty() {
            return Err(db::Error::OverQuota("the mailbox is full".into()));
        }
        let accepted = Response::new(250, "2.0.0", format!("Ok: queued as {}", received.queue_id));
        let accepted = self.connection.worded(&accepted).into_owned();
        let mail = self.mail_facts(transaction, received);
        let pen = &mut self.connection.pen;
        pen.record(Fact::Mail { mail });
        for fact in headers::facts(&received.body.headers, &received.queue_id) {
            pen.record(fact);
        }
        for text in notices.iter().map(|notice| notice.told.clone()).chain(lost) {
            pen.record(Fact::Note { text });
        }
        if !self.shared.endpoint.faults.watches(Point::Accepted) {
            pen.server(&accepted);
        }
        pen.take_into(&mut unit);
        let store = &self.shared.context.store;
        if !folders.is_empty() {
            let delivery = Delivery {
                body: received.body.clone(),
                trace: received.trace.clone(),
                folders,
                flags: Flags::default(),
                internal_date: self.shared.context.clock.now(),
            };
            store.deliver_into(&mut unit, delivery);
        }
        for notice in notices {
            store.deliver_into(&mut unit, notice.delivery);
        }
        store.db().commit(unit).await?;
        Ok(accepted)
    }

    /// The notices for the sender's own mailbox. Nobody is told where the reverse path is empty, so that notices are
    /// never answered, nor where the sender has no mailbox here. The second is what the journal keeps of notices that
    /// were due and are lost.
    async fn notices(
        &self,
        transaction: &Transaction,
        received: &Received,
        wanted: Notices,
    ) -> Result<(Vec<notices::Written>, Option<String>), db::Error> {
        let due = notices::due(transaction);
        let sender = transaction.from.address();
        if due.is_empty() || sender.is_empty() {
            return Ok((vec![], None));
        }
        let context = &self.shared.context;
        let Resolution::Deliver { account } = context.recipients.resolve(&sender).await else {
            return Ok((vec![], None));
        };
        let Some(inbox) = self.shared.inboxes.of(&context.store, account).await? else {
            return Ok((vec![], None));
        };
        if matches!(wanted, Notices::Dropped) || self.is_full(account, 0).await {
            return Ok((vec![], Some(format!("<{sender}> is full: its notices are lost"))));
        }
        let mut written = Vec::with_capacity(due.len());
        for one in &due {
            let at = context.clock.now();
            let of = (transaction, received);
            written.push(notices::write(&context.store, &context.hostname, of, one, (inbox, at)).await?);
        }
        Ok((written, None))
    }

    /// Recipients whose mailbox has no room fail, so that the others get the message; whether there were any.
    async fn give_up_full_mailboxes(&self, transaction: &mut Transaction, received: &Received) -> bool {
        let size = received.body.size + received.trace.len() as u64;
        let mut found = false;
        for recipient in &mut transaction.recipients {
            if let Fate::Inbox { account, .. } = recipient.fate
                && self.is_full(account, size).await
            {
                let text = "the mailbox is full".to_owned();
                recipient.fate = Fate::Fails { status: "5.2.2", text };
                found = true;
            }
        }
        found
    }

    /// Whether an account has no room for a message of `size` octets; for a notice (0), whether it has any room.
    async fn is_full(&self, account: i64, size: u64) -> bool {
        let store = &self.shared.context.store;
        let quota = match store.quota(account).await {
            Ok(quota) => quota,
            Err(error) => {
                tracing::error!(%error, account, "a quota could not be read");
                return false;
            }
        };
        // A notice is some KiB: room for less is none.
        let size = if size == 0 { 64 * 1024 } else { size };
        quota.limit.bytes.is_some_and(|limit| quota.used.bytes.saturating_add(size) > limit)
            || quota.limit.messages.is_some_and(|limit| quota.used.messages + 1 > limit)
    }

    fn mail_facts(&self, transaction: &Transaction, received: &Received) -> MailFacts {
        MailFacts {
            queue_id: received.queue_id.clone(),
            mailbox: self.login.as_ref().map(|login| login.mailbox.clone()).unwrap_or_default(),
            from: transaction.from.address(),
            to: transaction.recipients.iter().map(|recipient| recipient.address.clone()).collect(),
            size: received.body.size + received.trace.len() as u64,
            sha256: received.body.sha256.clone(),
            message_id: headers::message_id(&received.body.headers),
            helo: self.helo.as_ref().map(|helo| helo.name.clone()).unwrap_or_default(),
        }
    }
}

/// What a commit does with the notices that are due.
#[derive(Clone, Copy)]
enum Notices {
    Due,
    /// The sender has no room for them: the journal says so.
    Dropped,
}

/// What the client is told where nothing could be put anywhere: for ever where every mailbox is full (RFC 5321 §4.2.5:
/// to accept is to deliver, or to tell), later where somebody took the room meanwhile.
fn unplaced(transaction: &Transaction, error: &db::Error) -> Response {
    if transaction.folders().is_empty() {
        Response::new(552, "5.2.2", "Message refused: the mailbox is full")
    } else {
        Response::new(452, "4.2.2", error.to_string())
    }
}

/// What the client is told of a commit that failed: try later, in any case (RFC 5321 §4.2.3).
fn unstored(error: &db::Error) -> Response {
    if error.is_unwritable() {
        Response::new(452, "4.3.1", "The server cannot write now, try again later")
    } else {
        later()
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Error, ErrorKind};

    use super::*;

    #[test]
    fn a_full_disk_has_its_own_reply() {
        let full = db::Error::from(sqlx::Error::Io(Error::from(ErrorKind::StorageFull)));
        assert_eq!(unstored(&full).to_string(), "452 4.3.1 The server cannot write now, try again later");
        assert_eq!(unstored(&db::Error::Closed).code(), 451);
    }
}
