use std::collections::{BTreeMap, HashMap};
use std::fmt;

use db::Db;
use sasl::{Offer, Rights};
use sqlx::Row as _;

use crate::SendingLimits;
use crate::recipients::Alias;
use crate::settings::{self, read_offer};

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

/// Everything that is known of a mailbox.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) mailbox: Mailbox,
    pub(crate) offer: Offer,
    pub(crate) sending: SendingLimits,
    /// Those besides the owner; kept, without effect, where the mailbox is no longer an organisation's: see
    /// [`Entry::others`].
    pub(crate) people: BTreeMap<String, Rights>,
}

impl Entry {
    fn new(mailbox: Mailbox) -> Self {
        Self { mailbox, offer: Offer::default(), sending: SendingLimits::default(), people: BTreeMap::new() }
    }

    /// What somebody may do with the mailbox; `None` for a stranger.
    pub(crate) fn rights(&self, identity: &str) -> Option<Rights> {
        if identity == self.mailbox.identity {
            return Some(Rights::ALL);
        }
        self.others().and_then(|people| people.get(identity)).copied()
    }

    /// Those besides the owner; none where the mailbox is its owner's alone.
    pub(crate) fn others(&self) -> Option<&BTreeMap<String, Rights>> {
        (self.mailbox.kind == Kind::Org).then_some(&self.people)
    }
}

#[derive(Debug, Default)]
pub(crate) struct Mailboxes {
    pub(crate) by_address: HashMap<String, Entry>,
    pub(crate) aliases: HashMap<String, Alias>,
}

const MIGRATIONS: &[&str] = &[
    "CREATE TABLE mailbox (
    address TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    identity TEXT NOT NULL,
    account BIGINT NOT NULL
)",
    // A limit of 0 stands for the operator's own.
    "ALTER TABLE mailbox ADD COLUMN profile TEXT NOT NULL DEFAULT 'modern';
ALTER TABLE mailbox ADD COLUMN oauthbearer BIGINT NOT NULL DEFAULT 0;
ALTER TABLE mailbox ADD COLUMN most_octets BIGINT NOT NULL DEFAULT 0;
ALTER TABLE mailbox ADD COLUMN most_recipients BIGINT NOT NULL DEFAULT 0;
ALTER TABLE mailbox ADD COLUMN most_per_minute BIGINT NOT NULL DEFAULT 0;
CREATE TABLE mailbox_person (
    address TEXT NOT NULL,
    identity TEXT NOT NULL,
    may_read BIGINT NOT NULL,
    may_send_as BIGINT NOT NULL,
    PRIMARY KEY (address, identity)
) WITHOUT ROWID",
];

impl Mailboxes {
    pub(crate) async fn open(db: &Db) -> Result<Self, db::Error> {
        db.migrate("operator", MIGRATIONS).await?;
        let rows = sqlx::query(
            "SELECT address, kind, identity, account, profile, oauthbearer, most_octets, most_recipients, most_per_minute
             FROM mailbox",
        )
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
            let profile: String = row.try_get(4)?;
            let mut entry = Entry::new(mailbox);
            entry.offer = read_offer(&profile, row.try_get(5)?)?;
            entry.sending = SendingLimits {
                message: chosen(row.try_get(6)?),
                recipients: chosen(row.try_get(7)?),
                per_minute: chosen(row.try_get(8)?),
            };
            all.by_address.insert(entry.mailbox.address.clone(), entry);
        }
        settings::read_people(db, &mut all).await?;
        Ok(all)
    }

    /// A new mailbox, or a known one whose choices stay as they are.
    pub(crate) fn insert(&mut self, mailbox: Mailbox) {
        match self.by_address.get_mut(&mailbox.address) {
            Some(entry) => entry.mailbox = mailbox,
            None => {
                self.by_address.insert(mailbox.address.clone(), Entry::new(mailbox));
            }
        }
    }

    /// The entry of an address, in any case.
    pub(crate) fn entry(&self, address: &str) -> Option<&Entry> {
        self.by_address.get(&address.to_lowercase())
    }
}

/// A limit that was chosen; 0 stands for none.
fn chosen<T: TryFrom<i64>>(value: i64) -> Option<T> {
    T::try_from(value).ok().filter(|_| value > 0)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_organisation_has_other_people() {
        let mailbox = Mailbox { address: "1@b".into(), kind: Kind::Org, identity: "1".into(), account: 7 };
        let mut entry = Entry::new(mailbox);
        entry.people.insert("2".into(), Rights::ALL);
        for (kind, rights) in [(Kind::Org, Some(Rights::ALL)), (Kind::Per, None), (Kind::App, None)] {
            entry.mailbox.kind = kind;
            assert_eq!((entry.rights("1"), entry.rights("2")), (Some(Rights::ALL), rights), "{kind}");
            assert_eq!(entry.others().is_some(), rights.is_some(), "{kind}");
        }
    }
}
