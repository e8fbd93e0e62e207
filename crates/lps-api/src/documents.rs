//! The work list, its documents, and what is done with them.

use axum::Json;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use practice::{
    Act, Counts, Cursor, Filter, Form, Key, Proposal, Provenance, Request, RequestFilter, Row, Sort,
    Standing, State, Trace, Version,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::access::Caller;
use crate::ask::{Asked, Body, Of, plain, time, within};
use crate::problem::{Answer, Problem};
use crate::shapes::{self, ProblemObject, ProvenanceWord, SortWord, StandingWord};

/// Rows of one page.
const PAGE: u64 = 200;

#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Which {
    /// Of these mailboxes: keys with commas between; all where left out.
    mailbox: Option<String>,
    /// In one of these states: words with commas between; any where left out.
    #[param(example = "to_do")]
    state: Option<String>,
    /// Standing so among the others.
    #[param(value_type = Option<StandingWord>)]
    standing: Option<Standing>,
    /// From this kind of sender.
    #[param(value_type = Option<ProvenanceWord>)]
    provenance: Option<Provenance>,
    /// Filed to this patient.
    patient: Option<String>,
    /// Of this type (JDV_J07).
    r#type: Option<String>,
    /// With a critical result.
    critical: bool,
    /// With a critical result that nobody has taken in charge.
    unacknowledged: bool,
    /// About which a replacement or a deletion waits for a decision.
    request: bool,
    /// Not read by the person who asks.
    unread: bool,
    /// Assigned to this person.
    assigned: Option<String>,
    /// Received not before.
    #[param(format = DateTime)]
    from: Option<String>,
    /// Received before.
    #[param(format = DateTime)]
    until: Option<String>,
    /// Words that begin words of title, patient, author or type; accents and case do not count.
    text: Option<String>,
    /// The order; dates go down, words go up.
    #[param(value_type = Option<SortWord>)]
    sort: Option<Sort>,
    /// The other way round.
    reversed: bool,
    /// The `next` of the page before, in the same order.
    after: Option<String>,
    /// How many at most (50 where left out).
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u64>,
    /// Whether to count as well.
    counts: bool,
}

impl Which {
    fn filter(&self, viewer: Option<&Key>) -> Answer<Filter> {
        let keys = |field: &str, text: Option<&str>| -> Answer<Vec<Key>> {
            text.into_iter()
                .flat_map(|text| text.split(','))
                .map(|key| shapes::key(field, key.trim()))
                .collect()
        };
        let one = |field: &str, text: Option<&str>| text.map(|key| shapes::key(field, key)).transpose();
        let words = self.state.iter().flat_map(|text| text.split(','));
        let state = |word: &str| {
            let known = || State::ALL.iter().map(|state| state.word()).collect::<Vec<_>>().join(", ");
            State::parse(word.trim()).ok_or_else(|| {
                Problem::bad("state", format!("{word:?} is no state"), format!("Use: {}.", known()))
            })
        };
        Ok(Filter {
            viewer: viewer.cloned(),
            mailboxes: keys("mailbox", self.mailbox.as_deref())?,
            states: words.map(state).collect::<Answer<_>>()?,
            standing: self.standing,
            provenance: self.provenance,
            patient: one("patient", self.patient.as_deref())?,
            type_code: self.r#type.clone(),
            critical: self.critical,
            unacknowledged: self.unacknowledged,
            request: self.request,
            unread: self.unread,
            assigned: one("assigned", self.assigned.as_deref())?,
            from: time("from", self.from.as_deref())?,
            until: time("until", self.until.as_deref())?,
            text: self.text.clone().filter(|text| !text.trim().is_empty()),
            sort: self.sort.unwrap_or_default(),
            reversed: self.reversed,
        })
    }
}

/// A page of the work list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Documents {
    /// The rows.
    #[schema(value_type = Vec<shapes::Row>)]
    documents: Vec<Row>,
    /// What to ask the next page with as `after`; null after the last.
    next: Option<String>,
    /// How many there are; null where nobody asked.
    #[schema(value_type = Option<shapes::Counts>)]
    counts: Option<Counts>,
}

/// A document with what stands around it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Detail {
    /// Its row.
    #[schema(value_type = shapes::Row)]
    document: Row,
    /// Its versions that are here, the last one first.
    #[schema(value_type = Vec<shapes::Version>)]
    versions: Vec<Version>,
    /// Replacements and deletions about it, or come with it, the newest first.
    #[schema(value_type = Vec<shapes::Request>)]
    requests: Vec<Request>,
}

/// The life line of a document.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Life {
    /// What was done about it, the oldest first.
    #[schema(value_type = Vec<shapes::Trace>)]
    life: Vec<Trace>,
}

/// What somebody decides about a document: one act, one transaction, one trace.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", tag = "act", deny_unknown_fields)]
#[schema(as = Act)]
pub(crate) enum ActBody {
    /// *Intégrer*.
    File {
        /// In whose file; where left out, the one that the proposal is certain of, else it is refused.
        #[serde(default)]
        patient: Option<String>,
    },
    /// Create the patient's file from the document's traits, and file.
    FileToNew {
        /// The patient's name in the host's own base.
        #[serde(default)]
        #[schema(max_length = 200)]
        host_ref: Option<String>,
    },
    /// *Pas mon patient*.
    NotMine,
    /// *À traiter* again, whatever was decided.
    Reopen,
    /// Put aside.
    Dismiss {
        /// Why.
        #[schema(min_length = 1, max_length = 1000)]
        reason: String,
    },
    /// The medical *visa*.
    Visa,
    /// Give to somebody, or to nobody.
    Assign {
        /// To whom; nobody where left out.
        #[serde(default)]
        to: Option<String>,
    },
    /// A note of the practice; empty takes it away.
    Note {
        /// The note.
        #[schema(max_length = 4000)]
        text: String,
    },
    /// *Lu* by the person who acts.
    Read {
        /// Or unread again.
        read: bool,
    },
    /// A critical result is taken in charge.
    Acknowledge,
}

impl ActBody {
    fn about(self, document: Key) -> Answer<Act> {
        let one = |field: &str, text: Option<String>| text.map(|key| shapes::key(field, &key)).transpose();
        Ok(match self {
            Self::File { patient } => Act::File { document, patient: one("patient", patient)? },
            Self::FileToNew { host_ref } => Act::FileToNew { document, host_ref },
            Self::NotMine => Act::NotMine { document },
            Self::Reopen => Act::Reopen { document },
            Self::Dismiss { reason } => {
                plain("reason", &reason, 1_000)?;
                Act::Dismiss { document, reason }
            }
            Self::Visa => Act::Visa { document },
            Self::Assign { to } => Act::Assign { document, to: one("to", to)? },
            Self::Note { text } => {
                if !text.trim().is_empty() {
                    plain("text", &text, 4_000)?;
                }
                Act::Note { document, text }
            }
            Self::Read { read } => Act::Read { document, read },
            Self::Acknowledge => Act::Acknowledge { document },
        })
    }
}

/// Lists the work list, or any part of it
#[utoipa::path(get, path = "/documents", tag = "documents", params(Which), responses((status = 200, description = "One page", body = Documents)))]
pub(crate) async fn list(caller: Caller, Asked(query): Asked<Which>) -> Answer<Json<Documents>> {
    let limit = within("limit", query.limit.unwrap_or(50), 1..=PAGE)?;
    let filter = query.filter(caller.person())?;
    let practice = &caller.house.practice;
    let page = practice.rows(&filter, query.after.as_deref().map(Cursor::parse).as_ref(), limit).await?;
    let counts = if query.counts { Some(practice.counts(&filter).await?) } else { None };
    let next = page.next.map(|cursor| cursor.as_str().to_owned());
    Ok(Json(Documents { documents: page.rows, next, counts }))
}

/// Shows a document with its versions and requests
#[utoipa::path(get, path = "/documents/{key}", tag = "documents", params(("key" = String, Path, description = "The document")),
    responses((status = 200, description = "The document", body = Detail)))]
pub(crate) async fn show(caller: Caller, Of(key): Of<String>) -> Answer<Json<Detail>> {
    let document = visible(&caller, &key).await?;
    let practice = &caller.house.practice;
    let versions = practice.versions(&document.key).await?;
    let filter = RequestFilter { document: Some(document.key.clone()), ..RequestFilter::default() };
    let requests = practice.requests(&filter, 100).await?;
    Ok(Json(Detail { document, versions, requests }))
}

/// Gives the octets of a document, as they were received
#[utoipa::path(get, path = "/documents/{key}/content", tag = "documents", params(("key" = String, Path, description = "The document")),
    responses((status = 200, description = "The octets; `Content-Type` says what they are", body = Vec<u8>, content_type = "application/octet-stream")))]
pub(crate) async fn content(caller: Caller, Of(key): Of<String>) -> Answer<Response> {
    let document = visible(&caller, &key).await?;
    let bytes = caller.house.practice.document_bytes(&document.key).await?;
    let bytes = bytes.ok_or_else(|| Problem::missing("document with octets", &key))?;
    let (media, name) = match document.form {
        Form::Cda => ("application/xml", "document.xml"),
        Form::Pdf => ("application/pdf", "document.pdf"),
        Form::Hprim => ("application/octet-stream", "document.hpr"),
        Form::File => ("application/octet-stream", "document.bin"),
        Form::Mail => ("message/rfc822", "mail.eml"),
    };
    let disposition = format!("attachment; filename=\"{name}\"");
    Ok(([(CONTENT_TYPE, media.to_owned()), (CONTENT_DISPOSITION, disposition)], bytes).into_response())
}

/// Says where a document belongs, and why
///
/// Read now, against the patients as they are now.
#[utoipa::path(get, path = "/documents/{key}/proposal", tag = "documents", params(("key" = String, Path, description = "The document")),
    responses((status = 200, description = "The decision, its reasons, the candidates trait by trait", body = shapes::Proposal)))]
pub(crate) async fn proposal(caller: Caller, Of(key): Of<String>) -> Answer<Json<Proposal>> {
    let document = visible(&caller, &key).await?;
    let proposal = caller.house.practice.proposal(&document.key).await?;
    proposal.map(Json).ok_or_else(|| Problem::missing("document", &key))
}

/// Gives the life line of a document
#[utoipa::path(get, path = "/documents/{key}/life", tag = "documents", params(("key" = String, Path, description = "The document")),
    responses((status = 200, description = "What was done about it, by whom, when", body = Life)))]
pub(crate) async fn life(caller: Caller, Of(key): Of<String>) -> Answer<Json<Life>> {
    let document = visible(&caller, &key).await?;
    Ok(Json(Life { life: caller.house.practice.life(&document.key).await? }))
}

/// Acts on a document
#[utoipa::path(post, path = "/documents/{key}/acts", tag = "documents", request_body = ActBody, params(("key" = String, Path, description = "The document")),
    responses((status = 200, description = "The row as it stands now", body = shapes::Row),
        (status = 409, description = "The present state forbids it: `code` says what, such as `not_certain` or `already_filed`", body = ProblemObject)))]
pub(crate) async fn act(caller: Caller, Of(key): Of<String>, Body(body): Body<ActBody>) -> Answer<Json<Row>> {
    let document = shapes::key("key", &key)?;
    caller.house.practice.act(&caller.actor, body.about(document)?).await?;
    Ok(Json(visible(&caller, &key).await?))
}

/// The row, where the person who asks may see it.
async fn visible(caller: &Caller, key: &str) -> Answer<Row> {
    let row = caller.house.practice.row(&shapes::key("key", key)?, caller.person()).await?;
    row.ok_or_else(|| Problem::missing("document", key))
}
