//! What is chosen for each mailbox: what it is offered, who may open it, and how much may be sent from it.
//!
//! Everything lives in memory, read back at start, because the servers ask for it on every login and every message;
//! a change is written first and believed once it is on disk.

use std::sync::Arc;

use db::{Db, Values};
use sasl::{Offer, Profile, Rights};
use sqlx::Row as _;

use crate::mailbox::{Entry, Mailboxes};
use crate::{Kind, Operator};

/// Longest national identifier that is taken, in characters.
const LONGEST_IDENTITY: usize = 64;
/// Smallest message limit that can be set: under it not even a notice passes.
const SMALLEST_MESSAGE: u64 = 1_024;
/// Largest rate that can be set, in messages a minute.
const HIGHEST_RATE: u32 = 60_000;
/// Most people of one mailbox, its owner included.
const MOST_PEOPLE: usize = 200;

/// Somebody who may use a mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// National identifier (PS) or the structure's (APP).
    pub identity: String,
    /// What this person may do.
    pub rights: Rights,
    /// Whether the mailbox was opened for this person, who keeps all rights.
    pub owner: bool,
}

/// How much may be sent from a mailbox. `None` leaves the operator's own limit ([`kernel::Limits`]).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SendingLimits {
    /// Octets of one message, from 1 024 to the operator's limit (25 MB); announced in the reply to EHLO (RFC 1870).
    pub message: Option<u64>,
    /// Recipients of one message, from 1 to the operator's limit.
    pub recipients: Option<u32>,
    /// Messages in any minute, from 1 to 60 000; further ones are told `450 4.7.1` until the minute is over.
    pub per_minute: Option<u32>,
}

/// Why a choice was not taken.
#[derive(Debug)]
#[non_exhaustive]
pub enum SettingError {
    /// No such mailbox.
    UnknownMailbox,
    /// Only an organisational mailbox has other people than its owner.
    OneOwner(Kind),
    /// The owner's rights are whole, and stay.
    Owner,
    /// Not something that an identifier can be: empty, over 64 characters, with spaces or control characters.
    Identity,
    /// Neither reading nor sending: revoke instead.
    NoRight,
    /// The mailbox has as many people as it can have.
    TooMany,
    /// A limit outside of what is possible; the text says which, and the bounds.
    Limit(String),
    /// The database refused the write; nothing has changed.
    Database(db::Error),
}

impl std::fmt::Display for SettingError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::UnknownMailbox => f.write_str("no such mailbox"),
            Self::OneOwner(kind) => {
                write!(f, "a {kind} mailbox is its owner's alone; only an ORG mailbox has several people")
            }
            Self::Owner => f.write_str("the owner keeps all rights; authorise somebody else"),
            Self::Identity => {
                write!(f, "an identifier has 1 to {LONGEST_IDENTITY} characters, without spaces")
            }
            Self::NoRight => f.write_str("give at least one right (read, send as), or revoke the person"),
            Self::TooMany => write!(f, "a mailbox has at most {MOST_PEOPLE} people; revoke one first"),
            Self::Limit(text) => f.write_str(text),
            Self::Database(error) => write!(f, "the choice could not be kept: {error}"),
        }
    }
}

impl std::error::Error for SettingError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Database(error) => Some(error),
            _ => None,
        }
    }
}

impl From<db::Error> for SettingError {
    fn from(error: db::Error) -> Self {
        Self::Database(error)
    }
}

impl Operator {
    /// What the mailbox is offered, in any case of its address; `None` where there is none.
    pub fn offer(&self, address: &str) -> Option<Offer> {
        self.shared.read().entry(address).map(|entry| entry.offer)
    }

    /// Chooses what a mailbox is offered from its next login on.
    ///
    /// # Errors
    /// [`SettingError::UnknownMailbox`], [`SettingError::Database`].
    pub async fn set_offer(&self, address: &str, offer: Offer) -> Result<(), SettingError> {
        let key = self.known(address)?.0;
        let values = move |row: &str| {
            Values::new().text(row).text(offer.profile.name()).int(i64::from(offer.oauthbearer))
        };
        let text = "UPDATE mailbox SET profile = $2, oauthbearer = $3 WHERE address = $1";
        self.change(key, text, values, move |entry| entry.offer = offer).await
    }

    /// Who may use the mailbox: its owner first, then the others by identifier; `None` where there is no such mailbox.
    pub fn people(&self, address: &str) -> Option<Vec<Person>> {
        let known = self.shared.read();
        let entry = known.entry(address)?;
        let owner = Person { identity: entry.mailbox.identity.clone(), rights: Rights::ALL, owner: true };
        let others = entry.others().into_iter().flatten().map(|(identity, rights)| Person {
            identity: identity.clone(),
            rights: *rights,
            owner: false,
        });
        Some(std::iter::once(owner).chain(others).collect())
    }

    /// Gives somebody rights on an organisational mailbox, or changes them. They hold from the next login on, sending
    /// from the next message on.
    ///
    /// # Errors
    /// [`SettingError`] says which rule stands against it.
    pub async fn authorise(&self, address: &str, identity: &str, rights: Rights) -> Result<(), SettingError> {
        let (key, owner, kind) = self.known(address)?;
        if identity == owner {
            return if rights == Rights::ALL { Ok(()) } else { Err(SettingError::Owner) };
        }
        if kind != Kind::Org {
            return Err(SettingError::OneOwner(kind));
        }
        let length = identity.chars().count();
        if !(1..=LONGEST_IDENTITY).contains(&length)
            || identity.chars().any(|c| c.is_whitespace() || c.is_control())
        {
            return Err(SettingError::Identity);
        }
        if rights == (Rights { read: false, send_as: false }) {
            return Err(SettingError::NoRight);
        }
        let full = self.shared.read().entry(address).is_some_and(|entry| {
            entry.people.len() + 1 >= MOST_PEOPLE && !entry.people.contains_key(identity)
        });
        if full {
            return Err(SettingError::TooMany);
        }
        let person = identity.to_owned();
        let values = move |row: &str| {
            let (read, send_as) = (i64::from(rights.read), i64::from(rights.send_as));
            Values::new().text(row).text(person.as_str()).int(read).int(send_as)
        };
        let text = "INSERT INTO mailbox_person (address, identity, may_read, may_send_as) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (address, identity) DO UPDATE SET may_read = excluded.may_read, may_send_as = excluded.may_send_as";
        let person = identity.to_owned();
        self.change(key, text, values, move |entry| {
            entry.people.insert(person, rights);
        })
        .await
    }

    /// Takes somebody's rights on a mailbox away; whether there were any. A session that is open stays open, and can
    /// send no more.
    ///
    /// # Errors
    /// [`SettingError::UnknownMailbox`], [`SettingError::Owner`], [`SettingError::Database`].
    pub async fn revoke(&self, address: &str, identity: &str) -> Result<bool, SettingError> {
        let (key, owner, _) = self.known(address)?;
        if identity == owner {
            return Err(SettingError::Owner);
        }
        let had = self.shared.read().entry(address).is_some_and(|entry| entry.people.contains_key(identity));
        let person = identity.to_owned();
        let values = move |row: &str| Values::new().text(row).text(person.as_str());
        let text = "DELETE FROM mailbox_person WHERE address = $1 AND identity = $2";
        let person = identity.to_owned();
        self.change(key, text, values, move |entry| {
            entry.people.remove(&person);
        })
        .await?;
        Ok(had)
    }

    /// How much may be sent from the mailbox; `None` where there is no such mailbox.
    pub fn sending_limits(&self, address: &str) -> Option<SendingLimits> {
        self.shared.read().entry(address).map(|entry| entry.sending)
    }

    /// Sets how much may be sent from a mailbox, from its next login on.
    ///
    /// # Errors
    /// [`SettingError::Limit`] outside of the bounds of [`SendingLimits`]; [`SettingError::UnknownMailbox`];
    /// [`SettingError::Database`].
    pub async fn set_sending_limits(&self, address: &str, limits: SendingLimits) -> Result<(), SettingError> {
        let key = self.known(address)?.0;
        let most = &self.shared.parts.limits;
        let recipients = u64::try_from(most.recipients).unwrap_or(u64::MAX);
        bounds("a message's octets", limits.message, SMALLEST_MESSAGE, most.message)?;
        bounds("recipients", limits.recipients.map(u64::from), 1, recipients)?;
        bounds("messages a minute", limits.per_minute.map(u64::from), 1, HIGHEST_RATE.into())?;
        let values = move |row: &str| {
            let octets = limits.message.map_or(0, |octets| i64::try_from(octets).unwrap_or(i64::MAX));
            let (recipients, rate) =
                (limits.recipients.map_or(0, i64::from), limits.per_minute.map_or(0, i64::from));
            Values::new().text(row).int(octets).int(recipients).int(rate)
        };
        let text = "UPDATE mailbox SET most_octets = $2, most_recipients = $3, most_per_minute = $4 WHERE address = $1";
        self.change(key, text, values, move |entry| entry.sending = limits).await
    }

    /// The key, owner and kind of a mailbox.
    fn known(&self, address: &str) -> Result<(String, String, Kind), SettingError> {
        let mailbox = self.mailbox(address).ok_or(SettingError::UnknownMailbox)?;
        Ok((mailbox.address, mailbox.identity, mailbox.kind))
    }

    /// Writes, then changes what is in memory, in the order of the commits.
    async fn change<V, C>(
        &self,
        key: String,
        text: &'static str,
        values: V,
        change: C,
    ) -> Result<(), SettingError>
    where
        V: Fn(&str) -> Values + Send + Sync + 'static,
        C: FnOnce(&mut Entry) + Send + 'static,
    {
        let (shared, row) = (Arc::clone(&self.shared), key.clone());
        let committed = move |(): &()| {
            if let Some(entry) = shared.mailboxes().by_address.get_mut(&key) {
                change(entry);
            }
        };
        let db = &self.shared.parts.db;
        db.write_then(
            move |tx| {
                let statement = db::query(text, values(&row));
                Box::pin(async move { Ok(statement.execute(tx).await.map(|_| ())?) })
            },
            committed,
        )
        .await?;
        Ok(())
    }
}

fn bounds(what: &str, value: Option<u64>, least: u64, most: u64) -> Result<(), SettingError> {
    match value {
        Some(value) if !(least..=most).contains(&value) => {
            Err(SettingError::Limit(format!("{what}: {value} is not from {least} to {most}")))
        }
        _ => Ok(()),
    }
}

/// Reads the people of every mailbox back.
pub(crate) async fn read_people(db: &Db, all: &mut Mailboxes) -> Result<(), db::Error> {
    let rows = sqlx::query("SELECT address, identity, may_read, may_send_as FROM mailbox_person")
        .fetch_all(db.reader())
        .await?;
    for row in rows {
        let address: String = row.try_get(0)?;
        let (read, send_as): (i64, i64) = (row.try_get(2)?, row.try_get(3)?);
        if let Some(entry) = all.by_address.get_mut(&address) {
            entry.people.insert(row.try_get(1)?, Rights { read: read != 0, send_as: send_as != 0 });
        }
    }
    Ok(())
}

/// The offer of a row.
///
/// # Errors
/// [`db::Error::corrupt`] where the profile is none that we know.
pub(crate) fn read_offer(profile: &str, oauthbearer: i64) -> Result<Offer, db::Error> {
    let profile =
        Profile::parse(profile).ok_or_else(|| db::Error::corrupt(format!("profile {profile:?}")))?;
    Ok(Offer { profile, oauthbearer: oauthbearer != 0 })
}
