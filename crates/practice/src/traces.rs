//! The functional trace (SC.MSS/CONF.17, CONF.18, UX.37): who did what, when, what was asked of the server, what it answered.
//!
//! A line is written in the transaction of what it tells, failures included, and is never changed. Each holds the SHA-256
//! of the line before and of itself ([`Practice::verify_chain`]), so that a line that was taken out or changed shows. The
//! content of a mail and a token have no place to go; what looks like a token in a server's answer is struck out here,
//! because answers are other people's texts.

use db::{Insert, Tx, Values};
use jiff::tz::TimeZone;
use kernel::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use crate::columns::{instant, millis, opt_key};
use crate::{Actor, Error, Key, Practice, Trace};

mod chain;
mod csv;

pub use chain::{Broken, Verified};
pub use csv::CsvPiece;

/// How what is traced ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was done.
    Done,
    /// Somebody, or the present state of things, forbade it.
    Refused,
    /// It was tried and failed.
    Failed,
    /// Nobody knows whether it was done: the answer never came.
    Unknown,
}

impl Outcome {
    /// As columns and JSON have it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }
}

/// A line to be written; the chain is added by who writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTrace {
    /// By the clock of the machine where it was done.
    pub at: Timestamp,
    /// Who, as [`Actor::name`] says it; `system` for the software by itself.
    pub author: String,
    /// For whom, where it was done *pour le compte de* somebody.
    pub behalf: Option<String>,
    /// A short word: `connect`, `fetch`, `file`, `accept`…
    pub act: String,
    /// About which document.
    pub document: Option<Key>,
    /// In which mailbox: its address.
    pub mailbox: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// What was asked: of the mail server, or of this software. Never content.
    pub request: String,
    /// What was answered; the reason of a failure.
    pub answer: String,
}

impl NewTrace {
    /// A line of something that was done; the other fields are set by the caller.
    pub fn new(at: Timestamp, author: impl Into<String>, act: impl Into<String>) -> Self {
        Self {
            at,
            author: author.into(),
            behalf: None,
            act: act.into(),
            document: None,
            mailbox: None,
            outcome: Outcome::Done,
            request: String::new(),
            answer: String::new(),
        }
    }

    /// The line of an act of this actor. The name of the one that they act for is the caller's to find.
    pub fn by(at: Timestamp, actor: &Actor, act: impl Into<String>) -> Self {
        Self::new(at, actor.name.clone(), act)
    }

    /// About this document.
    #[must_use]
    pub fn about(mut self, document: &Key) -> Self {
        self.document = Some(document.clone());
        self
    }
}

/// Which traces are looked for; the default is all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TraceFilter {
    /// The author's whole name.
    pub author: Option<String>,
    /// The word of the act.
    pub act: Option<String>,
    /// One document's life line.
    pub document: Option<Key>,
    /// The mailbox's address.
    pub mailbox: Option<String>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// Not before.
    pub from: Option<Timestamp>,
    /// Before.
    pub until: Option<Timestamp>,
}

/// Lines of one answer, at most.
const MOST: usize = 1_000;

impl Practice {
    /// Writes one line. What an [`crate::Act`] does is traced by itself: this is for the connector's own work.
    ///
    /// # Errors
    /// [`Error::Db`].
    pub async fn trace(&self, line: NewTrace) -> Result<(), Error> {
        self.trace_all(vec![line]).await
    }

    /// Writes several lines, in order, in one transaction.
    ///
    /// # Errors
    /// [`Error::Db`]; none is then written.
    pub async fn trace_all(&self, lines: Vec<NewTrace>) -> Result<(), Error> {
        self.write(move |tx| {
            let lines = lines.clone();
            Box::pin(async move { write_all(tx, lines).await })
        })
        .await
    }

    /// The lines that match, newest first: those before number `after` (of the page before), `limit` at most (1 000).
    ///
    /// # Errors
    /// [`Error::Db`].
    pub async fn traces(
        &self,
        filter: &TraceFilter,
        after: Option<u64>,
        limit: usize,
    ) -> Result<Vec<Trace>, Error> {
        let (mut text, mut values) = (format!("{SELECT} WHERE 1 = 1"), Values::new());
        let mut place = 0;
        let texts = [
            ("author =", filter.author.as_deref()),
            ("act =", filter.act.as_deref()),
            ("document =", filter.document.as_ref().map(Key::as_str)),
            ("mailbox =", filter.mailbox.as_deref()),
            ("outcome =", filter.outcome.map(Outcome::word)),
        ];
        for (condition, value) in texts {
            if let Some(value) = value {
                place += 1;
                text.push_str(&format!(" AND {condition} ${place}"));
                values = values.text(value);
            }
        }
        let numbers = [
            ("at >=", filter.from.map(millis)),
            ("at <", filter.until.map(millis)),
            ("seq <", after.map(|seq| i64::try_from(seq).unwrap_or(i64::MAX))),
        ];
        for (condition, value) in numbers {
            if let Some(value) = value {
                place += 1;
                text.push_str(&format!(" AND {condition} ${place}"));
                values = values.int(value);
            }
        }
        text.push_str(&format!(" ORDER BY seq DESC LIMIT ${}", place + 1));
        values = values.int(i64::try_from(limit.clamp(1, MOST)).unwrap_or(1));
        let rows = db::query(text, values).fetch_all(self.reader()).await?;
        rows.iter().map(read).collect()
    }

    /// The life line of a document: what was done about it, oldest first (1 000 lines at most, the newest).
    ///
    /// # Errors
    /// [`Error::Db`].
    pub async fn life(&self, document: &Key) -> Result<Vec<Trace>, Error> {
        let filter = TraceFilter { document: Some(document.clone()), ..TraceFilter::default() };
        let mut lines = self.traces(&filter, None, MOST).await?;
        lines.reverse();
        Ok(lines)
    }

    /// The time zone that traces are shown in.
    fn zone(&self) -> &TimeZone {
        &self.setting().zone
    }
}

/// Writes one line, in the transaction of what it tells.
pub(crate) async fn write(tx: &mut Tx, line: NewTrace) -> Result<(), Error> {
    write_all(tx, vec![line]).await
}

/// Writes several, in order, in three statements. The row of the chain is held until the transaction ends, so that two
/// processes never continue the same line.
pub(crate) async fn write_all(tx: &mut Tx, lines: Vec<NewTrace>) -> Result<(), Error> {
    if lines.is_empty() {
        return Ok(());
    }
    let count = i64::try_from(lines.len()).unwrap_or(i64::MAX);
    let held = "UPDATE lps_trace_chain SET head = head + $1 WHERE one = 1 RETURNING head - $1, head_chain";
    let row = db::query(held, Values::new().int(count)).fetch_one(&mut *tx).await?;
    let (head, mut chain): (i64, String) = (row.try_get(0)?, row.try_get(1)?);
    let mut traces = Vec::with_capacity(lines.len());
    for (seq, line) in (head + 1..).zip(lines) {
        let trace = line.chained(u64::try_from(seq).unwrap_or(0), &chain);
        chain.clone_from(&trace.chain);
        traces.push(trace);
    }
    LINE.run(tx, &traces, bind).await?;
    db::query("UPDATE lps_trace_chain SET head_chain = $1 WHERE one = 1", Values::new().text(chain))
        .execute(tx)
        .await?;
    Ok(())
}

impl NewTrace {
    /// The line as it is stored, after the one whose chain is `before`.
    fn chained(self, seq: u64, before: &str) -> Trace {
        let mut trace = Trace {
            seq,
            at: instant(millis(self.at)), // as it will be read back
            author: clean(&self.author, 200),
            behalf: self.behalf.map(|name| clean(&name, 200)),
            act: clean(&self.act, 60),
            document: self.document,
            mailbox: self.mailbox.map(|address| clean(&address, 320)),
            outcome: self.outcome.word().to_owned(),
            request: clean(&self.request, 1_000),
            answer: clean(&self.answer, 1_000),
            chain: String::new(),
        };
        trace.chain = chain::link(before, &trace);
        trace
    }
}

/// At most so many characters, none of them of control (PostgreSQL refuses NUL; a trace of two lines would be forged
/// easily), and no token.
fn clean(text: &str, most: usize) -> String {
    let kept: String = text.chars().take(most).map(|c| if c.is_control() { ' ' } else { c }).collect();
    let secret = |word: &str, before: &str| {
        let jwt = word.contains("eyJ") && word.matches('.').count() >= 2;
        let after = ["bearer", "xoauth2", "oauthbearer", "plain", "login"];
        let payload = word.len() >= 12 && after.contains(&before.to_lowercase().as_str());
        jwt || payload || word.to_lowercase().contains("auth=bearer")
    };
    if !kept.split(' ').zip(kept.split(' ').skip(1)).any(|(before, word)| secret(word, before))
        && !kept.split(' ').next().is_some_and(|word| secret(word, ""))
    {
        return kept;
    }
    let mut before = "";
    let mut words = Vec::new();
    for word in kept.split(' ') {
        words.push(if secret(word, before) { "[…]" } else { word });
        before = word;
    }
    words.join(" ")
}

const SELECT: &str = "SELECT seq, at, author, behalf, act, document, mailbox, outcome, request, answer, chain \
                      FROM lps_trace";

static LINE: Insert = Insert::new(
    "INSERT INTO lps_trace (seq, at, author, behalf, act, document, mailbox, outcome, request, answer, chain)",
    11,
);

fn bind(values: Values, trace: &Trace) -> Values {
    values
        .int(i64::try_from(trace.seq).unwrap_or(i64::MAX))
        .int(millis(trace.at))
        .text(&trace.author)
        .opt_text(trace.behalf.as_deref())
        .text(&trace.act)
        .opt_text(trace.document.as_ref().map(Key::as_str))
        .opt_text(trace.mailbox.as_deref())
        .text(&trace.outcome)
        .text(&trace.request)
        .text(&trace.answer)
        .text(&trace.chain)
}

fn read(row: &AnyRow) -> Result<Trace, Error> {
    Ok(Trace {
        seq: u64::try_from(row.try_get::<i64, _>(0)?).unwrap_or(0),
        at: instant(row.try_get(1)?),
        author: row.try_get(2)?,
        behalf: row.try_get(3)?,
        act: row.try_get(4)?,
        document: opt_key(row, 5)?,
        mailbox: row.try_get(6)?,
        outcome: row.try_get(7)?,
        request: row.try_get(8)?,
        answer: row.try_get(9)?,
        chain: row.try_get(10)?,
    })
}

#[cfg(test)]
mod tests;
