//! *Juger un message déjà reçu*: a message that came in before the window, held against a job. It explains, it proves
//! nothing: such a judgement is not kept, has no number, and is marked *a posteriori* wherever it is shown.

use kernel::Timestamp;

use crate::Bench;
use crate::error::Error;
use crate::judge::Judgement;
use crate::log::LogLine;

/// A message that can be judged after the fact: of the last ten minutes, from the product's mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The operator's queue id: what [`Bench::judge_received`] takes.
    pub queue_id: String,
    /// When it was accepted.
    pub at: Timestamp,
    /// The mailbox that sent it.
    pub mailbox: String,
    /// Envelope recipients.
    pub to: Vec<String>,
    /// Octets.
    pub size: u64,
    /// Its Message-ID, if it has one.
    pub message_id: Option<String>,
}

/// What the judge says of it.
#[derive(Clone, Debug)]
pub struct Posterior {
    /// The judgement.
    pub judgement: Judgement,
    /// The log of the connection that brought it.
    pub log: Vec<LogLine>,
}

impl Bench {
    /// The messages of the last ten minutes that a job about mail could be held against, newest first.
    ///
    /// # Errors
    /// `unknown_product`, `unknown_job`.
    pub async fn candidates(&self, nil: &str, job: &str) -> Result<Vec<Candidate>, Error> {
        let _ = (nil, job);
        todo!()
    }

    /// Holds one of them against a job.
    ///
    /// # Errors
    /// `unknown_product`, `unknown_job`; `bad_input` where the message is not of the last ten minutes and of the job's mailbox, or the job
    /// is not about one message.
    pub async fn judge_received(&self, nil: &str, job: &str, queue_id: &str) -> Result<Posterior, Error> {
        let _ = (nil, job, queue_id);
        todo!()
    }
}
