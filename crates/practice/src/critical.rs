//! Critical results that nobody has taken in charge (BIO/va1.01, va1.05): raised out of the list, counted, escalated.
//!
//! A critical result waits for a doctor, whatever else became of the document: filing it is not seeing it. Where nobody
//! takes it in charge in time, it goes to a replacement of that day, else to another doctor of the mailbox; once, because
//! an alert that comes back by itself is soon not looked at any more. The count stays until a doctor has answered.

use std::time::Duration;

use db::{Tx, Values};
use serde::{Deserialize, Serialize};
use sqlx::Row as _;

use crate::columns::millis;
use crate::list::{Filter, LIVE, Sort};
use crate::{ChangeKind, Error, Key, NewTrace, Outcome, Practice, Row, changes, traces};

/// A critical result that went to somebody else, or to nobody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Escalation {
    /// The document.
    pub document: Key,
    /// To whom it is assigned now; `None`: no doctor has a right in the mailbox today but the one who does not answer.
    pub to: Option<Key>,
}

/// Results that one call escalates, at most.
const SLICE: i64 = 200;

impl Practice {
    /// The critical results that nobody has taken in charge, as this person sees them (all, without one): the oldest first,
    /// 200 at most. [`crate::Counts::critical`] says how many there are.
    ///
    /// # Errors
    /// As [`Practice::rows`].
    pub async fn critical(&self, viewer: Option<&Key>) -> Result<Vec<Row>, Error> {
        let filter = Filter {
            viewer: viewer.cloned(),
            unacknowledged: true,
            sort: Sort::Received,
            reversed: true,
            ..Filter::default()
        };
        Ok(self.rows(&filter, None, 200).await?.rows)
    }

    /// Assigns what has waited longer than `after` since it was received to somebody else, and traces it. Each result
    /// once. To be called now and then by who runs the service.
    ///
    /// # Errors
    /// [`Error::Db`].
    pub async fn escalate(&self, after: Duration) -> Result<Vec<Escalation>, Error> {
        let (at, today) = (self.now(), self.today());
        let wait = i64::try_from(after.as_millis()).unwrap_or(i64::MAX);
        let before = millis(at).saturating_sub(wait);
        self.write(move |tx| {
            let today = today.clone();
            Box::pin(async move {
                let text = format!(
                    "SELECT d.id, d.key, d.mailbox, b.address, coalesce(d.assigned, '') FROM lps_document d \
                     JOIN lps_mailbox b ON b.id = d.mailbox WHERE d.critical = 1 AND d.received <= $1 \
                     AND d.acknowledged_at IS NULL AND d.escalated_at IS NULL AND coalesce(d.state, '') IN ({LIVE}) \
                     ORDER BY d.received, d.id LIMIT $2"
                );
                let rows = db::query(text, Values::new().int(before).int(SLICE)).fetch_all(&mut *tx).await?;
                let mut done = Vec::with_capacity(rows.len());
                for row in &rows {
                    let (id, mailbox): (i64, i64) = (row.try_get(0)?, row.try_get(2)?);
                    let document = Key::stored(row.try_get(1)?);
                    let assigned: String = row.try_get(4)?;
                    let to = somebody_else(tx, mailbox, &assigned, &today).await?;
                    let text = "UPDATE lps_document SET stamp = stamp + 1, escalated_at = $2, \
                                assigned = coalesce($3, assigned) WHERE id = $1";
                    let values = Values::new().int(id).int(millis(at)).opt_text(to.as_ref().map(Key::as_str));
                    db::query(text, values).execute(&mut *tx).await?;
                    changes::note(tx, at, ChangeKind::DocumentChanged, &document).await?;
                    let mut line = NewTrace::new(at, "system", "escalate").about(&document);
                    line.mailbox = Some(row.try_get(3)?);
                    line.request = String::from("a critical result that nobody has taken in charge");
                    (line.outcome, line.answer) = match &to {
                        Some(person) => (Outcome::Done, format!("assigned to person {person}")),
                        None => (Outcome::Failed, String::from("no other doctor has a right in the mailbox today")),
                    };
                    traces::write(tx, line).await?;
                    done.push(Escalation { document, to });
                }
                Ok(done)
            })
        })
        .await
    }
}

/// A replacement of today, else a doctor, who may act in the mailbox and is not the one who was to answer.
async fn somebody_else(tx: &mut Tx, mailbox: i64, but: &str, today: &str) -> Result<Option<Key>, Error> {
    let text = "SELECT p.key FROM lps_right r JOIN lps_person p ON p.id = r.person \
                WHERE r.mailbox = $1 AND r.may = 'act' AND p.removed = 0 AND p.role IN ('replacement', 'doctor') \
                AND p.key <> $2 AND coalesce(r.since, '') <= $3 AND coalesce(r.until, '9999') >= $3 \
                ORDER BY CASE p.role WHEN 'replacement' THEN 0 ELSE 1 END, p.id LIMIT 1";
    let values = Values::new().int(mailbox).text(but).text(today);
    let row = db::query(text, values).fetch_optional(tx).await?;
    Ok(row.map(|row| row.try_get(0)).transpose()?.map(Key::stored))
}
