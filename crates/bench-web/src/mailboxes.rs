//! What is chosen for a product's mailboxes: what the servers offer, who may open them, how much they hold and send.
//!
//! The page and the API read and change the same [`Setup`]; the rules are the operator's own ([`SettingError`]).

use axum::http::StatusCode;
use bench::Product;
use operator::{Mailbox, Person, SendingLimits, SettingError};
use sasl::{Offer, Rights};
use web::{ApiError, ErrorCode};

use crate::Face;

/// A mailbox with everything that is chosen for it.
pub(crate) struct Setup {
    pub(crate) mailbox: Mailbox,
    pub(crate) offer: Offer,
    /// The owner first.
    pub(crate) people: Vec<Person>,
    pub(crate) sending: SendingLimits,
    pub(crate) quota: mailstore::Quota,
}

/// What is to change; `None` stays.
#[derive(Default)]
pub(crate) struct Change {
    pub(crate) offer: Option<Offer>,
    /// Everybody but the owner: who is not named loses all rights.
    pub(crate) people: Option<Vec<(String, Rights)>>,
    pub(crate) sending: Option<SendingLimits>,
    pub(crate) quota: Option<mailstore::QuotaLimit>,
}

/// The mailboxes of a product: the PER or ORG one, then the APP one.
///
/// # Errors
/// Where the store cannot be read.
pub(crate) async fn all(face: &Face, product: &Product) -> Result<Vec<Setup>, ApiError> {
    let mut found = Vec::new();
    for address in [&product.psc_address, &product.app_address] {
        found.push(one(face, product, address).await?);
    }
    Ok(found)
}

/// One mailbox of a product, in any case of its address.
///
/// # Errors
/// 404 where it is no mailbox of this product; where the store cannot be read.
pub(crate) async fn one(face: &Face, product: &Product, address: &str) -> Result<Setup, ApiError> {
    let operator = &face.bench.parts().operator;
    let own =
        [&product.psc_address, &product.app_address].iter().any(|own| own.eq_ignore_ascii_case(address));
    let found = own.then(|| operator.mailbox(address)).flatten();
    let Some(mailbox) = found else { return Err(refused(&SettingError::UnknownMailbox)) };
    let quota = operator.store().quota(mailbox.account).await.map_err(|error| unreadable(&error))?;
    Ok(Setup {
        offer: operator.offer(address).unwrap_or_default(),
        people: operator.people(address).unwrap_or_default(),
        sending: operator.sending_limits(address).unwrap_or_default(),
        quota,
        mailbox,
    })
}

/// Changes a mailbox of a product, part by part; what was changed before a part is refused stays changed.
///
/// # Errors
/// As [`one`]; what the operator refuses: 400 for a value that cannot be, 409 for one that this mailbox cannot have.
pub(crate) async fn change(
    face: &Face,
    product: &Product,
    address: &str,
    change: Change,
) -> Result<Setup, ApiError> {
    let operator = &face.bench.parts().operator;
    let present = one(face, product, address).await?;
    if let Some(limits) = change.sending {
        operator.set_sending_limits(address, limits).await.map_err(|error| refused(&error))?;
    }
    if let Some(wanted) = change.people {
        for (identity, rights) in &wanted {
            operator.authorise(address, identity, *rights).await.map_err(|error| refused(&error))?;
        }
        let gone = |person: &&Person| {
            !person.owner && !wanted.iter().any(|(identity, _)| *identity == person.identity)
        };
        for person in present.people.iter().filter(gone) {
            operator.revoke(address, &person.identity).await.map_err(|error| refused(&error))?;
        }
    }
    if let Some(offer) = change.offer {
        operator.set_offer(address, offer).await.map_err(|error| refused(&error))?;
    }
    if let Some(limit) = change.quota {
        let set = operator.store().set_quota(present.mailbox.account, limit).await;
        set.map_err(|error| unreadable(&error))?;
    }
    one(face, product, address).await
}

/// The operator's refusal, as the API says it.
pub(crate) fn refused(error: &SettingError) -> ApiError {
    let (status, field, next) = match error {
        SettingError::UnknownMailbox => {
            (StatusCode::NOT_FOUND, "address", "See GET /api/v1/products/{nil}/mailboxes for its mailboxes.")
        }
        SettingError::OneOwner(_) => {
            (StatusCode::CONFLICT, "people", "Register the product with an ORG mailbox.")
        }
        SettingError::Owner => (StatusCode::CONFLICT, "people", "Leave the owner out."),
        SettingError::Identity | SettingError::NoRight | SettingError::TooMany => {
            (StatusCode::BAD_REQUEST, "people", "Give each person an identifier and at least one right.")
        }
        SettingError::Limit(_) => {
            (StatusCode::BAD_REQUEST, "limits", "Give a number within the bounds, or null.")
        }
        SettingError::Database(error) => {
            tracing::error!(%error, "a mailbox could not be changed");
            let next = "Free space in the data directory, and check that it can be written.";
            return ApiError::new(ErrorCode::DataUnwritable, "the choice could not be kept", next);
        }
        _ => (StatusCode::BAD_REQUEST, "body", "See GET /api/v1/openapi.json."),
    };
    let mut api = ApiError::new(ErrorCode::BadInput, error.to_string(), next).field(field);
    api.status = status;
    api
}

fn unreadable(error: &impl std::fmt::Display) -> ApiError {
    tracing::error!(%error, "the store of mail fails");
    ApiError::new(ErrorCode::DataUnwritable, "the store of mail fails", "Look at the server's log.")
}
