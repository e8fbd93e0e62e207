use axum::Json;
use axum::extract::State;
use operator::SendingLimits;
use sasl::{Offer, Profile, Rights};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ask::{Answer, Body, Of, Refusal, object_or_none, plain, whole_or_none};
use super::shapes;
use crate::Face;
use crate::mailboxes::{self, Change, Setup};

/// The mailboxes of a product with what is chosen for them.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MailboxSetups {
    /// `vaguemestre/mailboxes/1`.
    schema: &'static str,
    /// The PER or ORG mailbox, then the APP mailbox.
    mailboxes: Vec<MailboxSetup>,
}

/// A mailbox with what is chosen for it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MailboxSetup {
    /// `vaguemestre/mailbox/1`.
    schema: &'static str,
    /// `PER`, `ORG` or `APP`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// Its address.
    address: String,
    /// What the servers offer it.
    #[schema(value_type = ProfileWord)]
    profile: &'static str,
    /// Whether OAUTHBEARER is offered beside XOAUTH2.
    oauthbearer: bool,
    /// Who may use it, its owner first.
    people: Vec<MailboxPerson>,
    /// How much may be sent from it.
    limits: MailboxLimits,
    /// How much it may hold.
    quota: MailboxQuota,
    /// How much it holds.
    used: MailboxUsage,
}

/// What a server looks like to a client.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = Profile)]
pub(crate) enum ProfileWord {
    Modern,
    Rev1Only,
    Rev2Only,
    Old,
    Mailiz,
}

/// Somebody who may use a mailbox.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MailboxPerson {
    /// National identifier.
    identity: String,
    /// Whether this person may open it by IMAP.
    read: bool,
    /// Whether this person may send as it.
    send_as: bool,
    /// Whether it is this person's own; the owner keeps all rights.
    owner: bool,
}

/// How much may be sent; null is the operator's own limit.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct MailboxLimits {
    /// Octets of one message.
    #[serde(deserialize_with = "whole_or_none")]
    #[schema(minimum = 1024, maximum = 26_214_400)]
    message: Option<u64>,
    /// Recipients of one message.
    #[serde(deserialize_with = "whole_or_none")]
    #[schema(minimum = 1, maximum = 100)]
    recipients: Option<u64>,
    /// Messages in any minute.
    #[serde(deserialize_with = "whole_or_none")]
    #[schema(minimum = 1, maximum = 60_000)]
    per_minute: Option<u64>,
}

/// How much a mailbox may hold; null is without limit.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct MailboxQuota {
    /// Octets.
    #[serde(deserialize_with = "whole_or_none")]
    octets: Option<u64>,
    /// Messages.
    #[serde(deserialize_with = "whole_or_none")]
    messages: Option<u64>,
}

/// How much a mailbox holds.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MailboxUsage {
    /// Octets of all its messages.
    octets: u64,
    /// How many messages.
    messages: u64,
}

/// What a mailbox becomes; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MailboxChange {
    #[serde(default)]
    profile: Option<ProfileWord>,
    #[serde(default)]
    oauthbearer: Option<bool>,
    /// Everybody but the owner, of an ORG mailbox: who is not named loses all rights.
    #[serde(default)]
    #[schema(max_items = 199)]
    people: Option<Vec<PersonBody>>,
    #[serde(default, deserialize_with = "object_or_none")]
    limits: Option<MailboxLimits>,
    #[serde(default, deserialize_with = "object_or_none")]
    quota: Option<MailboxQuota>,
}

/// Somebody, and at least one right.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PersonBody {
    /// National identifier.
    #[schema(
        min_length = 1,
        max_length = 64,
        pattern = "^[^\\s\\x00-\\x1f\\x7f-\\x9f]+$",
        example = "899700000026"
    )]
    identity: String,
    /// Whether this person may open the mailbox by IMAP.
    #[serde(default)]
    read: bool,
    /// Whether this person may send as the mailbox.
    #[serde(default)]
    send_as: bool,
}

/// Lists a product's mailboxes with what is chosen for them
#[utoipa::path(get, path = "/products/{nil}/mailboxes", tag = "products", params(("nil" = String, Path, description = "The product's number")),
    responses((status = 200, description = "Offers, people, limits and quotas", body = MailboxSetups)))]
pub(crate) async fn list(State(face): State<Face>, Of(nil): Of<String>) -> Answer<Json<MailboxSetups>> {
    let product = face.bench.product(&nil).await?;
    let all = mailboxes::all(&face, &product).await.map_err(Refusal)?;
    let mailboxes = all.into_iter().map(MailboxSetup::from).collect();
    Ok(Json(MailboxSetups { schema: "vaguemestre/mailboxes/1", mailboxes }))
}

/// Changes what is chosen for a mailbox
///
/// Offers, limits and the right to read hold from the next login on; the right to send from the next message on.
#[utoipa::path(put, path = "/products/{nil}/mailboxes/{address}", tag = "products", request_body = MailboxChange,
    params(("nil" = String, Path, description = "The product's number"), ("address" = String, Path, description = "The mailbox's address")),
    responses((status = 200, description = "The mailbox as it is now", body = MailboxSetup),
        (status = 409, description = "`bad_input`: only an ORG mailbox has several people; its owner keeps all rights", body = shapes::ErrorObject)))]
pub(crate) async fn change(
    State(face): State<Face>,
    Of((nil, address)): Of<(String, String)>,
    Body(body): Body<MailboxChange>,
) -> Answer<Json<MailboxSetup>> {
    let product = face.bench.product(&nil).await?;
    let present = mailboxes::one(&face, &product, &address).await.map_err(Refusal)?;
    let offer = Offer {
        profile: body.profile.map_or(present.offer.profile, Profile::from),
        oauthbearer: body.oauthbearer.unwrap_or(present.offer.oauthbearer),
    };
    for person in body.people.iter().flatten() {
        plain("people", &person.identity, 64)?;
    }
    let small = |number: Option<u64>| number.map(|number| u32::try_from(number).unwrap_or(u32::MAX));
    let people =
        |person: PersonBody| (person.identity, Rights { read: person.read, send_as: person.send_as });
    let change = Change {
        offer: (offer != present.offer).then_some(offer),
        people: body.people.map(|all| all.into_iter().map(people).collect()),
        sending: body.limits.map(|limits| SendingLimits {
            message: limits.message,
            recipients: small(limits.recipients),
            per_minute: small(limits.per_minute),
        }),
        quota: body
            .quota
            .map(|quota| mailstore::QuotaLimit { bytes: quota.octets, messages: quota.messages }),
    };
    let changed = mailboxes::change(&face, &product, &address, change).await.map_err(Refusal)?;
    Ok(Json(changed.into()))
}

impl From<ProfileWord> for Profile {
    fn from(word: ProfileWord) -> Self {
        match word {
            ProfileWord::Modern => Self::Modern,
            ProfileWord::Rev1Only => Self::Rev1Only,
            ProfileWord::Rev2Only => Self::Rev2Only,
            ProfileWord::Old => Self::Old,
            ProfileWord::Mailiz => Self::Mailiz,
        }
    }
}

impl From<Setup> for MailboxSetup {
    fn from(setup: Setup) -> Self {
        let people = setup.people.into_iter().map(|person| MailboxPerson {
            identity: person.identity,
            read: person.rights.read,
            send_as: person.rights.send_as,
            owner: person.owner,
        });
        Self {
            schema: "vaguemestre/mailbox/1",
            kind: setup.mailbox.kind.name(),
            address: setup.mailbox.address,
            profile: setup.offer.profile.name(),
            oauthbearer: setup.offer.oauthbearer,
            people: people.collect(),
            limits: MailboxLimits {
                message: setup.sending.message,
                recipients: setup.sending.recipients.map(u64::from),
                per_minute: setup.sending.per_minute.map(u64::from),
            },
            quota: MailboxQuota { octets: setup.quota.limit.bytes, messages: setup.quota.limit.messages },
            used: MailboxUsage { octets: setup.quota.used.bytes, messages: setup.quota.used.messages },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_have_the_names_of_the_servers() {
        for profile in Profile::ALL {
            let word: ProfileWord = serde_json::from_value(profile.name().into()).unwrap();
            assert_eq!(Profile::from(word), profile);
        }
    }
}
