//! A row of the list, from its tables.

use db::Values;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};

use super::{Counts, fetch};
use crate::columns::{instant, opt_instant, opt_key, word};
use crate::{Action, Error, Form, Key, Provenance, Row, Standing, State};

/// What the columns of [`columns`] are taken from, beside `lps_document d`.
pub(super) const JOINS: &str = "JOIN lps_mail m ON m.id = d.mail JOIN lps_mailbox b ON b.id = d.mailbox \
     LEFT JOIN lps_patient p ON p.id = d.patient LEFT JOIN lps_request r ON r.id = d.request";

/// The columns of [`read`]; `viewer` is the place of the person who looks, 0 for nobody.
pub(super) fn columns(viewer: &str) -> String {
    format!(
        "d.key, m.key, b.key, d.form, d.action, d.type_code, d.type_label, d.title, d.author, d.organisation, d.made, \
         d.act_day, d.received, d.provenance, d.patient_name, p.key, d.state, d.standing, d.critical, \
         CASE WHEN d.acknowledged_at IS NULL THEN 0 ELSE 1 END, d.version, r.key, d.history, \
         CASE WHEN EXISTS (SELECT 1 FROM lps_unread u WHERE u.person = {viewer} AND u.received = d.received \
         AND u.document = d.id) THEN 0 ELSE 1 END, d.vised_by, d.assigned, d.note, \
         (SELECT count(*) FROM lps_document f WHERE f.mail = d.mail AND f.state = 'filed'), m.documents"
    )
}

/// A row, where the person may read its mailbox on day `today`; `None` as day asks no right.
pub(crate) async fn row_of(
    conn: &mut AnyConnection,
    document: &Key,
    person: Option<&Key>,
    today: Option<&str>,
) -> Result<Option<Row>, Error> {
    let mut values = Values::new().text(document.as_str()).text(person.map(Key::as_str).unwrap_or_default());
    let viewer = "(SELECT id FROM lps_person WHERE key = $2 AND removed = 0)";
    let right = match (person, today) {
        (Some(_), Some(today)) => {
            values = values.text(today);
            "AND EXISTS (SELECT 1 FROM lps_right g JOIN lps_person q ON q.id = g.person WHERE q.key = $2 \
             AND q.removed = 0 AND g.mailbox = d.mailbox AND coalesce(g.since, '') <= $3 \
             AND coalesce(g.until, '9999') >= $3)"
        }
        _ => "",
    };
    let text = format!("SELECT {} FROM lps_document d {JOINS} WHERE d.key = $1 {right}", columns(viewer));
    fetch(conn, text, values).await?.first().map(read).transpose()
}

pub(super) fn read(row: &AnyRow) -> Result<Row, Error> {
    let flag = |at: usize| Ok::<bool, Error>(row.try_get::<i64, _>(at)? != 0);
    let small = |at: usize| Ok::<u32, Error>(u32::try_from(row.try_get::<i64, _>(at)?).unwrap_or(0));
    Ok(Row {
        key: Key::stored(row.try_get(0)?),
        mail: Key::stored(row.try_get(1)?),
        mailbox: Key::stored(row.try_get(2)?),
        form: word(row, 3, Form::parse)?,
        action: word(row, 4, Action::parse)?,
        type_code: row.try_get(5)?,
        type_label: row.try_get(6)?,
        title: row.try_get(7)?,
        author: row.try_get(8)?,
        organisation: row.try_get(9)?,
        made: opt_instant(row, 10)?,
        act_day: row.try_get(11)?,
        received: instant(row.try_get(12)?),
        provenance: word(row, 13, Provenance::parse)?,
        patient_name: row.try_get(14)?,
        patient: opt_key(row, 15)?,
        state: word(row, 16, State::parse)?,
        standing: word(row, 17, Standing::parse)?,
        critical: flag(18)?,
        acknowledged: flag(19)?,
        version: row.try_get::<Option<i64>, _>(20)?.and_then(|version| u32::try_from(version).ok()),
        request: opt_key(row, 21)?,
        history: flag(22)?,
        read: flag(23)?,
        vised_by: row.try_get(24)?,
        assigned: row.try_get(25)?,
        note: row.try_get(26)?,
        of_mail: (small(27)?, small(28)?),
    })
}

pub(super) fn counts(rows: &[AnyRow]) -> Result<Counts, Error> {
    let mut counts = Counts::default();
    for row in rows {
        let (what, number): (String, i64) = (row.try_get(0)?, row.try_get(1)?);
        let place = match what.as_str() {
            "to_do" => &mut counts.to_do,
            "filed" => &mut counts.filed,
            "not_mine" => &mut counts.not_mine,
            "dismissed" => &mut counts.dismissed,
            "deleted" => &mut counts.deleted,
            "history" => &mut counts.history,
            "unread" => &mut counts.unread,
            "critical" => &mut counts.critical,
            "requests" => &mut counts.requests,
            "found" => &mut counts.found,
            other => return Err(Error::damaged(format!("the state {other:?}"))),
        };
        *place = u64::try_from(number).unwrap_or(0);
    }
    Ok(counts)
}
