//! Where a mail stands on the server, and how it moves without becoming another mail.

use std::collections::BTreeSet;

use db::{Tx, Values};
use sqlx::Row as _;

use crate::Error;

/// Where a mail is gone and a copy of it lives in another folder of the mailbox, the mail takes the copy's place.
pub(crate) async fn swap_copies(tx: &mut Tx, mailbox: i64) -> Result<(), Error> {
    let rows = db::query(
        "SELECT c.id, g.id FROM lps_mail c JOIN lps_mail g ON g.blob = c.blob AND g.mailbox = c.mailbox \
         WHERE c.parse = 'copy' AND c.mailbox = $1 AND c.gone = 0 AND g.gone = 1 AND g.parse <> 'copy' \
         ORDER BY c.id",
        Values::new().int(mailbox),
    )
    .fetch_all(&mut *tx)
    .await?;
    let mut done = BTreeSet::new();
    for row in rows {
        let (copy, mail): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
        if done.insert(copy) && done.insert(mail) {
            trade_places(tx, mail, copy).await?;
        }
    }
    Ok(())
}

/// Each takes the other's folder, number, flags and presence.
pub(crate) async fn trade_places(tx: &mut Tx, one: i64, other: i64) -> Result<(), Error> {
    let a = place(tx, one).await?;
    let b = place(tx, other).await?;
    // Two rows never have one place, not even for a moment.
    db::query("UPDATE lps_mail SET uid = -id WHERE id = $1", Values::new().int(other))
        .execute(&mut *tx)
        .await?;
    take(tx, one, &b).await?;
    take(tx, other, &a).await
}

/// Where a mail stands on the server.
struct Place {
    folder: i64,
    validity: i64,
    uid: i64,
    flags: String,
    gone: i64,
}

async fn place(tx: &mut Tx, mail: i64) -> Result<Place, Error> {
    let text = "SELECT folder, uid_validity, uid, flags, gone FROM lps_mail WHERE id = $1";
    let row = db::query(text, Values::new().int(mail)).fetch_one(tx).await?;
    Ok(Place {
        folder: row.try_get(0)?,
        validity: row.try_get(1)?,
        uid: row.try_get(2)?,
        flags: row.try_get(3)?,
        gone: row.try_get(4)?,
    })
}

async fn take(tx: &mut Tx, mail: i64, place: &Place) -> Result<(), Error> {
    db::query(
        "UPDATE lps_mail SET folder = $2, uid_validity = $3, uid = $4, flags = $5, gone = $6 WHERE id = $1",
        Values::new()
            .int(mail)
            .int(place.folder)
            .int(place.validity)
            .int(place.uid)
            .text(place.flags.as_str())
            .int(place.gone),
    )
    .execute(tx)
    .await?;
    Ok(())
}
