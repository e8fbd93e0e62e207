//! DATA: a message comes in, and is on disk with its events before the client is told so.

use bytes::Bytes;
use mailstore::{BodyWriter, Delivery, Flags, NewBody};
use smtp::{DataFault, DataReceiver, Response};
use wire::{Fact, MailFacts};

use crate::connection::End;
use crate::headers;
use crate::session::{Session, Transaction, later};
use crate::trace::Trace;

/// Largest header block: what the store keeps of it. A longer one would hide fields from the judge.
const LARGEST_HEADERS: usize = 64 * 1024;

impl Session {
    pub(crate) async fn data(&mut self) -> Result<(), End> {
        let Some(transaction) = self.transaction.take() else {
            let response = self.gate().unwrap_or_else(|| Response::new(503, "5.5.1", "Send MAIL first"));
            return self.answer(response).await;
        };
        if transaction.recipients.is_empty() {
            self.transaction = Some(transaction);
            return self.answer(Response::new(554, "5.5.1", "No valid recipients")).await;
        }
        let pending = self.connection.pending();
        if pending > 0 {
            let what = format!("{pending} octets behind DATA, before the 354 (RFC 2920 §3.1)");
            self.connection.pen.violation(what);
            let text = "Wait for 354 before the message; closing";
            self.connection.reply(&Response::new(554, "5.5.0", text)).await?;
            return Err(End::error("bytes behind DATA before the 354"));
        }
        self.connection.reply(&Response::plain(354, "End data with <CR><LF>.<CR><LF>")).await?;
        let received = Box::pin(self.receive()).await?;
        match received {
            Ok(body) => Box::pin(self.deliver(transaction, body)).await,
            Err(refusal) => self.answer(refusal).await,
        }
    }

    /// Reads to the final dot, whatever comes; memory holds one piece.
    async fn receive(&mut self) -> Result<Result<NewBody, Response>, End> {
        let limits = &self.shared.context.limits;
        let most = limits.message.saturating_mul(2).saturating_add(1024 * 1024);
        let mut receiver = DataReceiver::new(limits.data_line, limits.message);
        let mut body = Ok(self.shared.context.store.body());
        let mut piece = Vec::new();
        loop {
            let patience = self.shared.context.timing.smtp_idle;
            let progress = match self.connection.data(&mut receiver, patience, &mut piece).await {
                Ok(progress) => progress,
                Err(end) => {
                    let text = format!("[{} octets, without the final dot]", receiver.read());
                    self.connection.pen.client(&text, false);
                    return Err(end);
                }
            };
            push(&mut body, &piece).await;
            piece.clear();
            if progress.finished {
                break;
            }
            if receiver.fault().is_some() && receiver.read() > most {
                let text = format!("[{} octets, without the final dot]", receiver.read());
                self.connection.pen.client(&text, false);
                self.connection.reply(&too_big(self.context().limits.message)).await?;
                return Err(End::error("message without end"));
            }
        }
        self.connection.pen.client(&format!("[{} octets]", receiver.read()), false);
        Ok(match receiver.fault() {
            Some(DataFault::TooBig) => Err(too_big(self.context().limits.message)),
            Some(fault) => {
                self.connection.pen.violation(fault.to_string());
                Err(Response::new(550, "5.6.0", format!("Message refused: {fault}")))
            }
            None => body.map(BodyWriter::finish).map_err(|()| later()),
        })
    }

    /// One commit for the message and for every event up to the `250` that it allows.
    async fn deliver(&mut self, transaction: Transaction, body: NewBody) -> Result<(), End> {
        if body.headers.len() >= LARGEST_HEADERS {
            let text = format!("Message refused: header block over {LARGEST_HEADERS} octets");
            return self.answer(Response::new(552, "5.3.4", text)).await;
        }
        let queue_id = kernel::random::mark().to_ascii_uppercase();
        let delivery = self.delivery(&transaction, &queue_id, body);
        let mail = self.mail_facts(&transaction, &queue_id, &delivery);
        let told = headers::facts(&delivery.body.headers, &queue_id);
        let accepted = Response::new(250, "2.0.0", format!("Ok: queued as {queue_id}"));

        let pen = &mut self.connection.pen;
        pen.record(Fact::Mail { mail });
        told.into_iter().for_each(|fact| pen.record(fact));
        pen.server(&accepted);
        let mut unit = db::Unit::new();
        pen.take_into(&mut unit);
        let store = &self.shared.context.store;
        store.deliver_into(&mut unit, delivery);
        match store.db().commit(unit).await {
            Ok(_) => {
                self.connection.queue(&accepted).await?;
                self.count(&accepted).await
            }
            Err(error) => {
                tracing::error!(%error, queue_id, "a message could not be committed");
                self.shared.inboxes.forget(&transaction.folders);
                self.answer(unstored(&error)).await
            }
        }
    }

    fn delivery(&self, transaction: &Transaction, queue_id: &str, body: NewBody) -> Delivery {
        let context = self.context();
        let at = context.clock.now();
        let recipient = match transaction.recipients.as_slice() {
            [only] => Some(only.as_str()),
            _ => None,
        };
        let trace = Trace {
            reverse_path: &transaction.from.to_string(),
            helo: self.helo.as_ref().map_or("unknown", |helo| &helo.name),
            peer: self.peer,
            hostname: &context.hostname,
            extended: self.helo.as_ref().is_some_and(|helo| helo.extended),
            smtputf8: transaction.smtputf8,
            authenticated: self.login.is_some(),
            tls: self.tls.as_ref(),
            queue_id,
            recipient,
            at,
        };
        Delivery {
            body,
            trace: Bytes::from(trace.lines()),
            folders: transaction.folders.clone(),
            flags: Flags::default(),
            internal_date: at,
        }
    }

    fn mail_facts(&self, transaction: &Transaction, queue_id: &str, delivery: &Delivery) -> MailFacts {
        MailFacts {
            queue_id: queue_id.to_owned(),
            mailbox: self.login.as_ref().map(|login| login.mailbox.clone()).unwrap_or_default(),
            from: transaction.from.address(),
            to: transaction.recipients.clone(),
            size: delivery.body.size + delivery.trace.len() as u64,
            sha256: delivery.body.sha256.clone(),
            message_id: headers::message_id(&delivery.body.headers),
            helo: self.helo.as_ref().map(|helo| helo.name.clone()).unwrap_or_default(),
        }
    }
}

/// Adds a piece; once the store has failed, nothing more is asked of it and the client is told at the end.
async fn push(body: &mut Result<BodyWriter, ()>, piece: &[u8]) {
    if let Ok(writer) = body
        && !piece.is_empty()
        && let Err(error) = writer.push(piece).await
    {
        tracing::error!(%error, "a message could not be written");
        *body = Err(());
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

fn too_big(limit: u64) -> Response {
    Response::new(552, "5.3.4", format!("Message over the limit of {limit} octets"))
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
