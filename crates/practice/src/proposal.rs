//! Where a document belongs, and why (spec 02 §7.4; MSS/va1.27, SENTINELLE.20).
//!
//! Nothing of it is stored: it is asked of [`ins::decide`] each time, with the patients as they are now, so that a patient
//! who was created a minute ago is proposed for documents of last week.

use db::Values;
use ins::{Decision, Identity, Match, Reason, World};
use sqlx::AnyConnection;

use crate::columns::json;
use crate::patients::{self, Stored};
use crate::{Error, Key, Practice, Proposal};

impl Practice {
    /// Where this document belongs; `None` for an unknown document.
    ///
    /// # Errors
    /// [`Error::Db`], [`Error::Damaged`].
    pub async fn proposal(&self, document: &Key) -> Result<Option<Proposal>, Error> {
        let mut conn = self.reader().acquire().await?;
        let text = "SELECT identity FROM lps_document WHERE key = $1";
        let row = db::query(text, Values::new().text(document.as_str())).fetch_optional(&mut *conn).await?;
        let Some(row) = row else { return Ok(None) };
        let identity: Identity = json(&row, 0, "a document's identity")?;
        let (matched, stored) = decide(&mut conn, &identity, self.setting().world).await?;
        Ok(Some(Proposal { matched, patients: stored.into_iter().map(|stored| stored.patient).collect() }))
    }

    /// Compares a document's patient with one that somebody has in mind, trait by trait (*Comparer les traits
    /// d'identité*). `None` where either is unknown.
    ///
    /// # Errors
    /// [`Error::Db`], [`Error::Damaged`].
    pub async fn comparison(&self, document: &Key, patient: &Key) -> Result<Option<ins::Comparison>, Error> {
        let text = "SELECT identity FROM lps_document WHERE key = $1";
        let row =
            db::query(text, Values::new().text(document.as_str())).fetch_optional(self.reader()).await?;
        let (Some(row), Some(patient)) = (row, self.patient(patient).await?) else { return Ok(None) };
        let identity: Identity = json(&row, 0, "a document's identity")?;
        Ok(Some(ins::compare(&identity, &patient.record)))
    }
}

/// The decision about an identity, and the patients that it counts: those alone, the candidates first, in their order.
/// Reads; works within a transaction too.
pub(crate) async fn decide(
    conn: &mut AnyConnection,
    identity: &Identity,
    world: World,
) -> Result<(Match, Vec<Stored>), Error> {
    let found = patients::candidates(conn, identity).await?;
    let records: Vec<_> = found.iter().map(|stored| stored.patient.record.clone()).collect();
    let first = ins::decide(identity, &records, world);
    let mut named: Vec<usize> = first.candidates.iter().map(|(at, _)| *at).collect();
    for reason in &first.reasons {
        if let Reason::SameDigitsOtherOid { record } = reason
            && !named.contains(record)
        {
            named.push(*record);
        }
    }
    // The same question about those alone has the same answer, with their places in the shorter list.
    let kept: Vec<Stored> = named.into_iter().map(|at| found[at].clone()).collect();
    let records: Vec<_> = kept.iter().map(|stored| stored.patient.record.clone()).collect();
    Ok((ins::decide(identity, &records, world), kept))
}

/// The patient to whom the document may go without asking: level 1, and nothing else.
pub(crate) fn certain<'a>(matched: &Match, stored: &'a [Stored]) -> Option<&'a Stored> {
    match matched.decision {
        Decision::File { record } => stored.get(record),
        _ => None,
    }
}
