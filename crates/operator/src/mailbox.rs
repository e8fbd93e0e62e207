use std::collections::HashMap;
use std::fmt;

use db::Db;
use sqlx::Row as _;

/// The kinds of mailbox of the trust space (spec 01 §1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Personal: one professional, XOAUTH2.
    Per,
    /// Organisational: several people, XOAUTH2.
    Org,
    /// Applicative: a machine, client certificate.
    App,
}

impl Kind {
    /// `PER`, `ORG` or `APP`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Per => "PER",
            Self::Org => "ORG",
            Self::App => "APP",
        }
    }

    /// Reads `PER`, `ORG` or `APP`, in any case.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Per, Self::Org, Self::App].into_iter().find(|kind| kind.name().eq_ignore_ascii_case(name))
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A mailbox (BAL) of the sandbox. Its local part is its identifier, as in MOTCO2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailbox {
    /// Address, lower case.
    pub address: String,
    /// Kind.
    pub kind: Kind,
    /// National identifier of its owner; opaque.
    pub identity: String,
    /// Account in the mail store.
    pub account: i64,
}

#[derive(Debug, Default)]
pub(crate) struct Mailboxes {
    pub(crate) by_address: HashMap<String, Mailbox>,
    pub(crate) aliases: HashMap<String, i64>,
}

const MIGRATIONS: &[&str] = &["CREATE TABLE mailbox (
    address TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    identity TEXT NOT NULL,
    account BIGINT NOT NULL
)"];

impl Mailboxes {
    pub(crate) async fn open(db: &Db) -> Result<Self, db::Error> {
        db.migrate("operator", MIGRATIONS).await?;
        let rows = sqlx::query("SELECT address, kind, identity, account FROM mailbox")
            .fetch_all(db.reader())
            .await?;
        let mut all = Self::default();
        for row in rows {
            let kind: String = row.try_get(1)?;
            let mailbox = Mailbox {
                address: row.try_get(0)?,
                kind: Kind::parse(&kind)
                    .ok_or_else(|| db::Error::corrupt(format!("mailbox kind {kind:?}")))?,
                identity: row.try_get(2)?,
                account: row.try_get(3)?,
            };
            all.insert(mailbox);
        }
        Ok(all)
    }

    pub(crate) fn insert(&mut self, mailbox: Mailbox) {
        self.by_address.insert(mailbox.address.clone(), mailbox);
    }
}

pub(crate) async fn save(db: &Db, mailbox: &Mailbox) -> Result<(), db::Error> {
    let mailbox = mailbox.clone();
    db.write(move |tx| {
        let mailbox = mailbox.clone();
        Box::pin(async move {
            sqlx::query(
                "INSERT INTO mailbox (address, kind, identity, account) VALUES ($1, $2, $3, $4)
                 ON CONFLICT (address) DO UPDATE SET kind = excluded.kind, identity = excluded.identity, account = excluded.account",
            )
            .bind(mailbox.address)
            .bind(mailbox.kind.name())
            .bind(mailbox.identity)
            .bind(mailbox.account)
            .execute(tx)
            .await?;
            Ok(())
        })
    })
    .await
}
