//! A database of version 1 opens, and its messages count, are found and can be read.

use db::Values;
use kernel::Clock;
use mailstore::{Found, HeadField, MailStore, Usage};

use crate::Place;

/// The tables as version 1 made them; never edited.
const VERSION_1: &str = include_str!("version1.sql");

const ROWS: [&str; 7] = [
    "INSERT INTO sequence (name, next) VALUES ('account', 2), ('folder', 2), ('body', 2)",
    "INSERT INTO account (id, address, uid_validity) VALUES (1, 'a@test', 7)",
    "INSERT INTO folder (id, account, name, special_use, uid_validity, uid_next, highest_modseq, subscribed) \
     VALUES (1, 1, 'INBOX', NULL, 7, 3, 2, 1)",
    "INSERT INTO body (id, size, sha256, lead, refs, headers) VALUES (1, 5, 'x', 5, 2, cast('12345' AS BLOB))",
    "INSERT INTO body_chunk (place, data) VALUES (65536, cast('12345' AS BLOB))",
    "INSERT INTO message (folder, uid, modseq, flags, keywords, size, internal_date, body) \
     VALUES (1, 1, 1, 0, '', 5, 1000000, 1)",
    "INSERT INTO message (folder, uid, modseq, flags, keywords, size, internal_date, body) \
     VALUES (1, 2, 2, 1, 'lu', 5, 1000000, 1)",
];

async fn upgrades(place: Place) {
    let postgres = matches!(place, Place::Postgres(_));
    let db = place.open().await;
    db.migrate("mailstore", &[VERSION_1]).await.unwrap();
    for text in ROWS {
        let text = if postgres { text.replace("AS BLOB", "AS BYTEA") } else { text.to_owned() };
        db.write(move |tx| {
            let text = text.clone();
            Box::pin(async move {
                db::query(text, Values::new()).execute(tx).await?;
                Ok(())
            })
        })
        .await
        .unwrap();
    }
    db.close().await;

    let db = place.open().await;
    let store = MailStore::open(&db, Clock::system()).await.unwrap();
    assert_eq!(store.quota(1).await.unwrap().used, Usage { bytes: 10, messages: 2 });
    let meta = store.meta(1, &[2]).await.unwrap().remove(0);
    assert_eq!((meta.save_date, &meta.structure, &meta.preview), (None, &None, &None));
    assert_eq!(
        store.small_bodies(&[(meta.body, meta.size)]).await.unwrap()[0].as_deref(),
        Some(&b"12345"[..])
    );
    let unknown = Found { uids: Vec::new(), unknown: vec![1, 2] };
    assert_eq!(store.search_header(1, HeadField::Subject, "a").await.unwrap(), unknown);
    assert_eq!(store.search_text(1, "a").await.unwrap(), unknown);
    assert_eq!(store.create_folder(1, "x").await.unwrap().unwrap().id, 2);
    // A second opening finds nothing to do.
    MailStore::open(&db, Clock::system()).await.unwrap();
}

#[tokio::test]
async fn on_sqlite() {
    upgrades(Place::sqlite()).await;
}

#[tokio::test]
async fn on_postgresql() {
    if let Some(place) = Place::postgres().await {
        upgrades(place).await;
    }
}
