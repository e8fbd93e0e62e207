//! The chain: each line holds the SHA-256 of the line before and of itself.
//!
//! `chain(n) = hex(SHA-256(chain(n − 1) ‖ json(n)))`, where `json(n)` is the line as one JSON object, names in alphabetical
//! order, without blanks (RFC 8785), `at` in milliseconds since 1970; before the first line stands the empty string. So an
//! outsider can check an export with a few lines of any language. Old lines leave by the front: the chain of the last
//! that left stays, as an anchor, so that what remains can still be checked.

use db::Values;
use kernel::Timestamp;
use serde::Serialize;
use sqlx::{Connection as _, Row as _};

use super::{NewTrace, SELECT, read};
use crate::columns::millis;
use crate::{Actor, Error, Practice, Trace};

/// What a check of the chain found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// Lines that were read.
    pub lines: u64,
    /// The last line that has left by retention; 0 where none has.
    pub anchor: u64,
    /// The last line, and its chain: noted elsewhere (printed, sent), it proves later that nothing was rewritten.
    pub head: u64,
    /// See `head`.
    pub head_chain: String,
    /// The first line that does not follow from the one before.
    pub broken: Option<Broken>,
}

/// Where the chain breaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Broken {
    /// The number of the line.
    pub seq: u64,
    /// What is wrong: `missing` or `changed`.
    pub what: &'static str,
}

/// Lines that are read, or let go, at a time.
const SLICE: i64 = 2_000;

impl Practice {
    /// Reads all lines and checks each against the one before.
    ///
    /// # Errors
    /// [`Error::Db`]. A broken chain is no error: see [`Verified::broken`].
    pub async fn verify_chain(&self) -> Result<Verified, Error> {
        let mut conn = self.reader().acquire().await?;
        // One snapshot: lines that come and go meanwhile are not mistaken for a break.
        let mut tx = conn.begin().await?;
        if self.backend() == db::Backend::Postgres {
            db::query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ", Values::new())
                .execute(&mut *tx)
                .await?;
        }
        let text = "SELECT head, head_chain, anchor, anchor_chain FROM lps_trace_chain WHERE one = 1";
        let row = db::query(text, Values::new()).fetch_one(&mut *tx).await?;
        let (head, anchor): (i64, i64) = (row.try_get(0)?, row.try_get(2)?);
        let mut found = Verified {
            lines: 0,
            anchor: number(anchor),
            head: number(head),
            head_chain: row.try_get(1)?,
            broken: None,
        };
        let (mut seq, mut chain): (u64, String) = (found.anchor, row.try_get(3)?);
        let text = format!("{SELECT} WHERE seq > $1 ORDER BY seq LIMIT $2");
        loop {
            let from = i64::try_from(seq).unwrap_or(i64::MAX);
            let rows =
                db::query(text.clone(), Values::new().int(from).int(SLICE)).fetch_all(&mut *tx).await?;
            for row in &rows {
                let line = read(row)?;
                if let Some(what) = what_is_wrong(&line, seq + 1, &chain) {
                    // A line that is missing is named, not the one after it.
                    let seq = if what == "missing" { seq + 1 } else { line.seq };
                    found.broken = Some(Broken { seq, what });
                    return Ok(found);
                }
                (seq, chain) = (line.seq, line.chain);
                found.lines += 1;
            }
            if rows.len() < usize::try_from(SLICE).unwrap_or(usize::MAX) {
                break;
            }
        }
        if seq != found.head {
            found.broken = Some(Broken { seq: seq + 1, what: "missing" });
        } else if chain != found.head_chain {
            found.broken = Some(Broken { seq, what: "changed" });
        }
        Ok(found)
    }

    /// Lets go of the lines before `before`: retention (six months are advised, none is imposed; spec 01 §6). Lines leave
    /// from the oldest on and up to the first that is young enough, so that the rest stays a chain; that they left is
    /// traced. Returns how many.
    ///
    /// # Errors
    /// [`Error::Db`]; what was let go before the failure stays so.
    pub async fn forget_traces(&self, actor: &Actor, before: Timestamp) -> Result<u64, Error> {
        let mut gone = 0;
        loop {
            let slice = self.forget_slice(before).await?;
            gone += slice;
            if slice < number(SLICE) {
                break;
            }
        }
        if gone > 0 {
            let mut line = NewTrace::by(self.now(), actor, "forget_traces");
            line.request = format!("lines before {before}");
            line.answer = format!("{gone} lines");
            self.trace(line).await?;
        }
        Ok(gone)
    }

    async fn forget_slice(&self, before: Timestamp) -> Result<u64, Error> {
        self.write(move |tx| {
            Box::pin(async move {
                let text = "SELECT seq, at, chain FROM lps_trace ORDER BY seq LIMIT $1";
                let rows = db::query(text, Values::new().int(SLICE)).fetch_all(&mut *tx).await?;
                let mut last = None;
                let mut count = 0;
                for row in &rows {
                    let (seq, at, chain): (i64, i64, String) =
                        (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
                    if at >= millis(before) {
                        break;
                    }
                    last = Some((seq, chain));
                    count += 1;
                }
                let Some((seq, chain)) = last else { return Ok(0) };
                db::query("DELETE FROM lps_trace WHERE seq <= $1", Values::new().int(seq))
                    .execute(&mut *tx)
                    .await?;
                let text = "UPDATE lps_trace_chain SET anchor = $1, anchor_chain = $2 WHERE one = 1";
                db::query(text, Values::new().int(seq).text(chain)).execute(tx).await?;
                Ok(count)
            })
        })
        .await
    }
}

/// The chain of a line that comes after the one whose chain is `before`.
pub(super) fn link(before: &str, line: &Trace) -> String {
    /// In alphabetical order: that is the order in which they are written.
    #[derive(Serialize)]
    struct Canonical<'a> {
        act: &'a str,
        answer: &'a str,
        at: i64,
        author: &'a str,
        behalf: Option<&'a str>,
        document: Option<&'a str>,
        mailbox: Option<&'a str>,
        outcome: &'a str,
        request: &'a str,
        seq: u64,
    }
    let canonical = Canonical {
        act: &line.act,
        answer: &line.answer,
        at: millis(line.at),
        author: &line.author,
        behalf: line.behalf.as_deref(),
        document: line.document.as_ref().map(crate::Key::as_str),
        mailbox: line.mailbox.as_deref(),
        outcome: &line.outcome,
        request: &line.request,
        seq: line.seq,
    };
    let json = serde_json::to_string(&canonical).expect("texts and numbers are JSON");
    kernel::sha256_hex(format!("{before}{json}").as_bytes())
}

fn what_is_wrong(line: &Trace, expected: u64, before: &str) -> Option<&'static str> {
    if line.seq != expected {
        Some("missing")
    } else if link(before, line) != line.chain {
        Some("changed")
    } else {
        None
    }
}

fn number(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}
