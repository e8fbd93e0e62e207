//! DATA: a message comes in.

use std::time::Duration;

use bytes::Bytes;
use faults::{Hit, Point};
use intake::Reading;
use kernel::Timestamp;
use mailstore::{BodyWriter, NewBody};
use smtp::{DataFault, DataReceiver, Response, Ret};
use tokio::time::Instant;
use wire::Fact;

use crate::connection::End;
use crate::envelope::Transaction;
use crate::session::{Session, later};
use crate::trace::Trace;

/// Largest message that is kept aside to be returned whole (RET=FULL): nobody's memory holds 25 MB. Of a larger one a
/// failure notice returns the header fields.
const LARGEST_RETURNED: usize = 256 * 1024;
/// How long one message may take in all. Each of its pieces has the patience of [`kernel::Timing::smtp_idle`]; a client
/// that sends one octet at a time is left in the end.
const LONGEST_TRANSFER: Duration = Duration::from_secs(30 * 60);

/// A message on its way in.
pub(crate) struct Incoming {
    pub(crate) receiver: DataReceiver,
    pub(crate) queue_id: String,
    pub(crate) arrived: Timestamp,
    pub(crate) trace: Bytes,
    /// What goes wrong at an octet of it that has not come yet.
    pub(crate) hit: Option<Hit>,
    body: Result<BodyWriter, ()>,
    reading: Reading,
    copy: Option<Vec<u8>>,
    piece: Vec<u8>,
    deadline: Instant,
}

/// A message that is in, whole and well formed.
pub(crate) struct Received {
    pub(crate) body: NewBody,
    pub(crate) queue_id: String,
    pub(crate) arrived: Timestamp,
    pub(crate) trace: Bytes,
    /// All of it, where the sender wants it back and it is small enough.
    pub(crate) copy: Option<Vec<u8>>,
}

impl Session {
    pub(crate) async fn data(&mut self) -> Result<(), End> {
        let Some(transaction) = self.transaction.take() else {
            let response = self.gate().unwrap_or_else(|| Response::new(503, "5.5.1", "Send MAIL first"));
            return self.answer(response).await;
        };
        let refusal = if transaction.recipients.is_empty() {
            Some(Response::new(554, "5.5.1", "No valid recipients"))
        } else if transaction.incoming.is_some() {
            Some(Response::new(503, "5.5.1", "The message came with BDAT so far; go on, or RSET"))
        } else {
            None
        };
        if let Some(refusal) = refusal {
            self.transaction = Some(transaction);
            return self.answer(refusal).await;
        }
        if let Some(hit) = self.fault(Point::Data)
            && self.suffer(hit).await?
        {
            self.transaction = Some(transaction);
            return Ok(());
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
        let limits = &self.shared.context.limits;
        let mut incoming = self.incoming(&transaction, DataReceiver::new(limits.data_line, self.largest()));
        incoming.hit = self.fault(Point::Message);
        match Box::pin(self.receive(incoming)).await? {
            Ok(received) => Box::pin(self.deliver(transaction, received)).await,
            Err(refusal) => self.answer(refusal).await,
        }
    }

    /// Everything that is known before the first octet of a message.
    pub(crate) fn incoming(&self, transaction: &Transaction, receiver: DataReceiver) -> Incoming {
        let context = self.context();
        let (queue_id, arrived) = (kernel::random::mark().to_ascii_uppercase(), context.clock.now());
        let trace = Trace {
            reverse_path: &transaction.from.to_string(),
            helo: self.helo.as_ref().map_or("unknown", |helo| &helo.name),
            peer: self.peer,
            hostname: &context.hostname,
            extended: self.helo.as_ref().is_some_and(|helo| helo.extended),
            smtputf8: transaction.smtputf8,
            authenticated: self.login.is_some(),
            tls: self.tls.as_ref(),
            queue_id: &queue_id,
            recipient: match transaction.recipients.as_slice() {
                [only] => Some(only.address.as_str()),
                _ => None,
            },
            at: arrived,
        };
        let trace = Bytes::from(trace.lines());
        let mut reading = Reading::default();
        reading.push(&trace);
        Incoming {
            receiver,
            queue_id,
            arrived,
            reading,
            trace,
            hit: None,
            body: Ok(context.store.body()),
            copy: (transaction.ret == Some(Ret::Full)).then(Vec::new),
            piece: Vec::new(),
            deadline: Instant::now() + LONGEST_TRANSFER,
        }
    }

    /// Reads to the final dot, whatever comes; memory holds one piece.
    async fn receive(&mut self, mut incoming: Incoming) -> Result<Result<Received, Response>, End> {
        let most = self.most_drained();
        loop {
            let reach = self.reach(&mut incoming).await?;
            let patience = incoming.patience(self.shared.context.timing.smtp_idle);
            let (receiver, piece) = incoming.parts();
            let reach = (patience, usize::try_from(reach).unwrap_or(usize::MAX));
            let progress = match self.connection.data(receiver, reach, piece).await {
                Ok(progress) => progress,
                Err(end) => {
                    self.count_octets(incoming.receiver.read(), false);
                    return Err(end);
                }
            };
            incoming.store().await;
            if progress.finished {
                break;
            }
            if incoming.receiver.fault().is_some() && incoming.receiver.read() > most {
                self.count_octets(incoming.receiver.read(), false);
                self.connection.reply(&too_big(self.largest())).await?;
                return Err(End::error("message without end"));
            }
        }
        self.count_octets(incoming.receiver.read(), true);
        Ok(self.judge(incoming))
    }

    /// Does what goes wrong once so many octets have come; how many more may be read before it.
    pub(crate) async fn reach(&mut self, incoming: &mut Incoming) -> Result<u64, End> {
        let Some(hit) = &incoming.hit else { return Ok(u64::MAX) };
        let left = hit.byte.saturating_sub(incoming.receiver.read());
        if left > 0 {
            return Ok(left);
        }
        let Some(hit) = incoming.hit.take() else { return Ok(u64::MAX) };
        if let Err(end) = self.suffer(hit).await {
            self.count_octets(incoming.receiver.read(), false);
            return Err(end);
        }
        Ok(u64::MAX)
    }

    /// Octets that are read of a message that is refused anyway, so that its client sees why.
    pub(crate) fn most_drained(&self) -> u64 {
        self.largest().saturating_mul(2).saturating_add(1024 * 1024)
    }

    pub(crate) fn count_octets(&mut self, octets: u64, whole: bool) {
        let text = if whole {
            format!("[{octets} octets]")
        } else {
            format!("[{octets} octets, without the final dot]")
        };
        self.connection.pen.client(&text, false);
    }

    /// The message, or why it is refused.
    pub(crate) fn judge(&mut self, incoming: Incoming) -> Result<Received, Response> {
        if let Some(hit) = &incoming.hit {
            self.shared.endpoint.faults.missed(hit); // the message was over before
        }
        match incoming.receiver.fault() {
            Some(DataFault::TooBig) => Err(too_big(self.largest())),
            Some(fault) => {
                self.connection.pen.record(Fact::Violation { what: fault.to_string() });
                Err(Response::new(550, "5.6.0", format!("Message refused: {fault}")))
            }
            None => incoming.finish().map_err(|()| later()),
        }
    }
}

impl Incoming {
    /// How long the next piece may take.
    pub(crate) fn patience(&self, idle: Duration) -> Duration {
        idle.min(self.deadline.saturating_duration_since(Instant::now()))
    }

    /// Where the next piece is to be put.
    pub(crate) fn parts(&mut self) -> (&mut DataReceiver, &mut Vec<u8>) {
        (&mut self.receiver, &mut self.piece)
    }

    /// Hands the piece to the store. Once the store has failed, nothing more is asked of it and the client is told at
    /// the end.
    pub(crate) async fn store(&mut self) {
        if self.piece.is_empty() {
            return;
        }
        if let Some(copy) = &mut self.copy {
            copy.extend_from_slice(&self.piece);
            if copy.len() > LARGEST_RETURNED {
                self.copy = None;
            }
        }
        self.reading.push(&self.piece);
        if let Ok(writer) = &mut self.body
            && let Err(error) = writer.push(&self.piece).await
        {
            tracing::error!(%error, "a message could not be written");
            self.body = Err(());
        }
        self.piece.clear();
    }

    fn finish(self) -> Result<Received, ()> {
        let mut body = self.body?.finish();
        body.learned = Some(self.reading.finish());
        Ok(Received {
            body,
            queue_id: self.queue_id,
            arrived: self.arrived,
            trace: self.trace,
            copy: self.copy,
        })
    }
}

pub(crate) fn too_big(limit: u64) -> Response {
    Response::new(552, "5.3.4", format!("Message over the limit of {limit} octets"))
}
