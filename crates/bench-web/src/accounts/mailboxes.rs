//! *Boîtes aux lettres* on a product's page: what the servers offer each, who may open it, how much it holds and sends.

use axum::extract::{Form, Path, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use operator::SendingLimits;
use sasl::{Offer, Profile, Rights};
use serde::Deserialize;
use web::{ApiError, ErrorCode, Locale, T};

use crate::Face;
use crate::mailboxes::{self, Change, Setup};
use crate::view::Failure;

const MEGA: u64 = 1024 * 1024;

/// A mailbox on the page.
pub(super) struct Card {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) address: String,
    /// Value, words, whether it is the present one.
    pub(super) profiles: Vec<(&'static str, String, bool)>,
    pub(super) oauthbearer: bool,
    pub(super) quota: String,
    pub(super) per_minute: String,
    pub(super) used: String,
    pub(super) people: Vec<Somebody>,
    /// Whether others than its owner may be given rights.
    pub(super) shared: bool,
}

pub(super) struct Somebody {
    pub(super) identity: String,
    pub(super) rights: String,
    pub(super) owner: bool,
}

pub(super) fn card(t: T, setup: Setup) -> Card {
    let shared = setup.mailbox.kind == operator::Kind::Org;
    let app = setup.mailbox.kind == operator::Kind::App;
    let used = setup.quota.used;
    let used = [
        ("messages", usize::try_from(used.messages).unwrap_or(usize::MAX).into()),
        ("mega", usize::try_from(used.bytes.div_ceil(MEGA)).unwrap_or(usize::MAX).into()),
    ];
    let profile = |profile: Profile| (profile.name(), words(t, profile), profile == setup.offer.profile);
    Card {
        id: if app { "box-app".into() } else { "box-psc".into() },
        title: if app { t.get("bench-mailbox-app") } else { t.get("bench-mailbox-per") },
        profiles: Profile::ALL.map(profile).to_vec(),
        oauthbearer: setup.offer.oauthbearer,
        quota: setup.quota.limit.bytes.map(|octets| octets.div_ceil(MEGA).to_string()).unwrap_or_default(),
        per_minute: setup.sending.per_minute.map(|rate| rate.to_string()).unwrap_or_default(),
        used: i18n::text_with(t.0, "mailbox-used", &used),
        people: setup
            .people
            .into_iter()
            .map(|person| Somebody {
                rights: rights(t, person.rights),
                owner: person.owner,
                identity: person.identity,
            })
            .collect(),
        shared,
        address: setup.mailbox.address,
    }
}

fn words(t: T, profile: Profile) -> String {
    match profile {
        Profile::Modern => t.get("mailbox-modern"),
        Profile::Rev1Only => t.get("mailbox-rev1"),
        Profile::Rev2Only => t.get("mailbox-rev2"),
        Profile::Old => t.get("mailbox-old"),
        Profile::Mailiz => t.get("mailbox-mailiz"),
    }
}

fn rights(t: T, rights: Rights) -> String {
    let words = [(rights.read, "mailbox-read"), (rights.send_as, "mailbox-send-as")];
    words.into_iter().filter(|(has, _)| *has).map(|(_, id)| t.get(id)).collect::<Vec<_>>().join(", ")
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
pub(super) struct Fields {
    address: String,
    profile: String,
    oauthbearer: String,
    quota: String,
    per_minute: String,
    /// Of the form of people.
    identity: String,
    read: String,
    send_as: String,
    act: String,
}

/// Takes the choices of one mailbox, or somebody's rights.
pub(super) async fn save(
    State(face): State<Face>,
    Path(nil): Path<String>,
    headers: HeaderMap,
    Form(fields): Form<Fields>,
) -> Result<Response, Failure> {
    let Locale(lang) = Locale::of(&headers);
    let t = T(lang);
    let product = face.bench.product(&nil).await?;
    let present =
        mailboxes::one(&face, &product, &fields.address).await.map_err(|error| Failure(said(t, error)))?;
    let others =
        present.people.iter().filter(|person| !person.owner && person.identity != fields.identity.trim());
    let mut others: Vec<_> = others.map(|person| (person.identity.clone(), person.rights)).collect();
    let change = match fields.act.as_str() {
        "revoke" => Change { people: Some(others), ..Change::default() },
        "authorise" => {
            let rights = Rights { read: !fields.read.is_empty(), send_as: !fields.send_as.is_empty() };
            others.push((fields.identity.trim().to_owned(), rights));
            Change { people: Some(others), ..Change::default() }
        }
        _ => {
            let quota = number(t, "quota", &fields.quota)?.map(|mega| mega.saturating_mul(MEGA));
            let rate = number(t, "per_minute", &fields.per_minute)?;
            Change {
                offer: Some(Offer {
                    profile: Profile::parse(&fields.profile).unwrap_or(present.offer.profile),
                    oauthbearer: !fields.oauthbearer.is_empty(),
                }),
                sending: Some(SendingLimits {
                    per_minute: rate.map(|rate| u32::try_from(rate).unwrap_or(u32::MAX)),
                    ..present.sending
                }),
                quota: Some(mailstore::QuotaLimit { bytes: quota, ..present.quota.limit }),
                ..Change::default()
            }
        }
    };
    let changed = mailboxes::change(&face, &product, &fields.address, change).await;
    changed.map_err(|error| Failure(said(t, error)))?;
    Ok(Redirect::to(&format!("/accounts/{nil}?saved=1#mailboxes")).into_response())
}

/// A whole number from 1, or nothing.
fn number(t: T, field: &str, text: &str) -> Result<Option<u64>, Failure> {
    match text.trim() {
        "" => Ok(None),
        text => match text.parse().ok().filter(|number| (1..=1_000_000).contains(number)) {
            Some(number) => Ok(Some(number)),
            None => {
                let what = t.with("mailbox-number", "value", text);
                Err(Failure(
                    ApiError::new(ErrorCode::BadInput, what, t.get("mailbox-number-next")).field(field),
                ))
            }
        },
    }
}

/// A refusal of the operator, in the reader's language.
fn said(t: T, mut error: ApiError) -> ApiError {
    let (what, next) = match (error.status.as_u16(), error.field.as_deref()) {
        (404, _) => ("mailbox-unknown", "mailbox-unknown-next"),
        (409, _) => ("mailbox-one-owner", "mailbox-one-owner-next"),
        (_, Some("people")) => ("mailbox-person", "mailbox-person-next"),
        (_, Some("limits")) => ("mailbox-limit", "mailbox-limit-next"),
        _ => return error,
    };
    error.message = t.get(what);
    error.next = t.get(next);
    error
}
