//! BDAT: a message comes in by chunks (RFC 3030).
//!
//! The octets of a chunk come whatever the server thinks of its command, so they are always read, and never taken for
//! commands. BINARYMIME is not offered: the lines of a chunked message are held to the rules of DATA, because what is
//! stored is given out again by a protocol of lines.

use faults::Point;
use smtp::{DataReceiver, Response};

use crate::connection::End;
use crate::receive::{Incoming, too_big};
use crate::session::Session;

/// Octets of a chunk that are read where there is nothing they could belong to.
const MOST_STRAY: u64 = 1024 * 1024;

impl Session {
    pub(crate) async fn bdat(&mut self, size: u64, last: bool) -> Result<(), End> {
        let refusal = self.refuse_chunk();
        let most = if refusal.is_some() { MOST_STRAY } else { self.most_drained() };
        if size > most {
            let response = refusal.unwrap_or_else(|| too_big(self.largest()));
            self.connection.reply(&response).await?;
            return Err(End::error("a chunk that is not worth its reading"));
        }
        if let Some(refusal) = refusal {
            self.read_chunk(None, size).await?;
            return self.answer(refusal).await;
        }
        let Some(mut transaction) = self.transaction.take() else { return Ok(()) }; // refused above
        let mut incoming = match transaction.incoming.take() {
            Some(incoming) => incoming,
            None => {
                let limits = &self.shared.context.limits;
                let receiver = DataReceiver::chunked(limits.data_line, self.largest());
                let mut incoming = self.incoming(&transaction, receiver);
                incoming.hit = self.fault(Point::Message);
                incoming
            }
        };
        Box::pin(self.read_chunk(Some(&mut incoming), size)).await?;
        if last {
            incoming.receiver.end();
        }
        if incoming.receiver.fault().is_none() && !last {
            transaction.incoming = Some(incoming);
            self.transaction = Some(transaction);
            return self.answer(Response::new(250, "2.0.0", format!("{size} octets received"))).await;
        }
        match self.judge(incoming) {
            Ok(received) => Box::pin(self.deliver(transaction, received)).await,
            Err(refusal) => self.answer(refusal).await,
        }
    }

    /// The octets of a chunk whose command was answered otherwise.
    pub(crate) async fn skip_chunk(&mut self, size: u64) -> Result<(), End> {
        if size > MOST_STRAY {
            return Err(End::error("a chunk that is not worth its reading"));
        }
        self.read_chunk(None, size).await
    }

    fn refuse_chunk(&self) -> Option<Response> {
        if !self.extensions {
            return Some(Response::new(502, "5.5.1", "BDAT is not available"));
        }
        self.gate().or_else(|| match &self.transaction {
            None => Some(Response::new(503, "5.5.1", "Send MAIL first")),
            Some(transaction) if transaction.recipients.is_empty() => {
                Some(Response::new(554, "5.5.1", "No valid recipients"))
            }
            Some(_) => None,
        })
    }

    async fn read_chunk(&mut self, mut incoming: Option<&mut Incoming>, size: u64) -> Result<(), End> {
        let idle = self.shared.context.timing.smtp_idle;
        let (mut left, mut nowhere) = (size, Vec::new());
        while left > 0 {
            let read = match &mut incoming {
                Some(incoming) => {
                    let most = self.reach(incoming).await?;
                    let patience = incoming.patience(idle);
                    let (receiver, piece) = incoming.parts();
                    self.connection.chunk(Some(receiver), left.min(most), patience, piece).await
                }
                None => self.connection.chunk(None, left, self.patience(), &mut nowhere).await,
            };
            match read {
                Ok(read) => left -= read,
                Err(end) => {
                    let text = format!("[{} of {size} octets]", size - left);
                    self.connection.pen.client(&text, false);
                    return Err(end);
                }
            }
            if let Some(incoming) = &mut incoming {
                incoming.store().await;
            }
        }
        self.count_octets(size, true);
        Ok(())
    }
}
