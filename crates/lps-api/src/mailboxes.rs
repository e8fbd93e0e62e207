//! The mailboxes of the practice: how each is reached, *dernière relève*, *diagnostic de connexion*.

use axum::Json;
use axum::http::StatusCode;
use kernel::Secret;
use lps::engine::Engine;
use practice::{Mailbox, MailboxKind};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::access::Caller;
use crate::ask::{Body, Of, time};
use crate::engine::{self, Line};
use crate::findings::Finding;
use crate::problem::{Answer, Problem};
use crate::shapes::{self, MailboxWord, ProblemObject};

/// The mailboxes of the practice.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Mailboxes {
    /// By address.
    #[schema(value_type = Vec<shapes::Mailbox>)]
    mailboxes: Vec<Line>,
}

/// A mailbox to add, or to change.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MailboxBody {
    /// Its address.
    #[schema(example = "163254178@mail-tests-editeur.vaguemestre.test")]
    address: String,
    /// Whose.
    #[schema(value_type = MailboxWord)]
    kind: MailboxKind,
    /// As screens call it; the address where left out.
    #[serde(default)]
    #[schema(max_length = 200)]
    label: Option<String>,
    /// How it is reached; what is left out is found by DNS SRV, and is the service's own.
    #[serde(default)]
    #[schema(value_type = Settings)]
    settings: Option<Value>,
    /// *Reprise depuis le*: mail received before is readable, and never *à traiter*; now where left out.
    #[serde(default)]
    #[schema(format = DateTime)]
    since: Option<String>,
}

/// How a mailbox is reached: places and names, never a secret. Files are those of the service's machine.
#[derive(Debug, ToSchema)]
#[allow(dead_code)] // described, not built: `lps::engine::AccountSettings` reads it
pub(crate) struct Settings {
    /// Where mail is read, against the DNS.
    imap: Option<Server>,
    /// Where mail is submitted, likewise.
    smtp: Option<Server>,
    /// The DNS server to ask, `address:port`; the service's own where left out.
    dns: Option<String>,
    /// The authorities to trust for this mailbox, and no others: a PEM file.
    authorities: Option<String>,
    /// Where their revocation lists are.
    crls: Option<Vec<String>>,
    /// The client certificate that opens an APP mailbox; without it a Pro Santé Connect login does.
    certificate: Option<CertificateFiles>,
}

/// One server.
#[derive(Debug, ToSchema)]
#[allow(dead_code)] // as above
pub(crate) struct Server {
    /// Host name: what the certificate must carry.
    host: String,
    /// Port.
    port: u16,
    /// `starttls` or `tls`.
    security: String,
}

/// A client certificate's files.
#[derive(Debug, ToSchema)]
#[allow(dead_code)] // as above
pub(crate) struct CertificateFiles {
    /// The chain, PEM.
    chain: String,
    /// The private key, PKCS#8 PEM.
    key: String,
}

/// What a Pro Santé Connect login gave: kept in memory only, gone when the service stops.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LoginBody {
    /// The access token. The refresh token stays with whoever logged in: Pro Santé Connect replaces it at each use.
    #[serde(deserialize_with = "secret")]
    #[schema(value_type = String)]
    access_token: Secret<String>,
}

/// What one synchronisation did.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Synced {
    /// The mailbox now.
    #[schema(value_type = shapes::Mailbox)]
    mailbox: Line,
    /// Folders that were looked into.
    folders: u32,
    /// Messages seen for the first time.
    arrived: u64,
    /// Messages whose octets came in.
    fetched: u64,
    /// Messages that could not be fetched: `GET /mails/{key}` says why.
    failed: u64,
}

/// What a connection to a mailbox meets, step by step.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Diagnostic {
    /// The mailbox's address.
    address: String,
    /// In the order of a connection.
    steps: Vec<Finding>,
}

/// Lists the mailboxes
#[utoipa::path(get, path = "/mailboxes", tag = "mailboxes", responses((status = 200, description = "All of them, with *dernière relève*", body = Mailboxes)))]
pub(crate) async fn list(caller: Caller) -> Answer<Json<Mailboxes>> {
    let engine = caller.house.engine.as_ref();
    let all = caller.house.practice.mailboxes().await?;
    Ok(Json(Mailboxes { mailboxes: all.into_iter().map(|one| Line::new(one, engine)).collect() }))
}

/// Adds a mailbox, or changes the one of this address
///
/// Fetching begins at once where it can: an APP mailbox by its certificate; a PER or ORG one after a login.
#[utoipa::path(post, path = "/mailboxes", tag = "mailboxes", request_body = MailboxBody,
    responses((status = 200, description = "Saved", body = shapes::Mailbox)))]
pub(crate) async fn add(caller: Caller, Body(body): Body<MailboxBody>) -> Answer<Json<Line>> {
    let practice = &caller.house.practice;
    let known = practice.mailbox(&body.address).await?;
    let given = time("since", body.since.as_deref())?;
    let since = given.or(known.as_ref().map(|known| known.since)).unwrap_or_else(|| caller.house.clock.now());
    let label =
        body.label.or(known.as_ref().map(|known| known.label.clone())).unwrap_or(body.address.clone());
    let settings =
        body.settings.or(known.map(|known| known.settings)).unwrap_or(Value::Object(Default::default()));
    engine::check(&settings)?;
    let saved = practice.save_mailbox(&body.address, body.kind, &label, settings, since).await?;
    if let Some(engine) = &caller.house.engine {
        engine.reload().await?;
    }
    Ok(Json(Line::new(saved, caller.house.engine.as_ref())))
}

/// Shows a mailbox
#[utoipa::path(get, path = "/mailboxes/{key}", tag = "mailboxes", params(("key" = String, Path, description = "Its key or its address")),
    responses((status = 200, description = "The mailbox", body = shapes::Mailbox)))]
pub(crate) async fn show(caller: Caller, Of(key): Of<String>) -> Answer<Json<Line>> {
    Ok(Json(Line::new(known(&caller, &key).await?, caller.house.engine.as_ref())))
}

/// Takes a mailbox off the list
///
/// Its mails and documents stay: they are part of patients' files.
#[utoipa::path(delete, path = "/mailboxes/{key}", tag = "mailboxes", params(("key" = String, Path, description = "Its key or its address")),
    responses((status = 204, description = "Nothing is fetched from it any more")))]
pub(crate) async fn remove(caller: Caller, Of(key): Of<String>) -> Answer<StatusCode> {
    let mailbox = known(&caller, &key).await?;
    caller.house.practice.remove_mailbox(&mailbox.key).await?;
    if let Some(engine) = &caller.house.engine {
        engine.reload().await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Fetches what is new now
///
/// Answers when it is done: what was found is in the work list, or will be within seconds.
#[utoipa::path(post, path = "/mailboxes/{key}/sync", tag = "mailboxes", params(("key" = String, Path, description = "Its key or its address")),
    responses((status = 200, description = "Fetched", body = Synced),
        (status = 502, description = "`operator`: the mailbox could not be opened; `stage` says how far it had come", body = ProblemObject)))]
pub(crate) async fn sync(caller: Caller, Of(key): Of<String>) -> Answer<Json<Synced>> {
    let mailbox = known(&caller, &key).await?;
    let engine = engine_of(&caller)?;
    let report = engine.sync_now(&mailbox.key).await?;
    let mailbox = Line::new(known(&caller, mailbox.key.as_str()).await?, Some(engine));
    let (folders, arrived, fetched, failed) = (report.folders, report.arrived, report.fetched, report.failed);
    Ok(Json(Synced { mailbox, folders, arrived, fetched, failed }))
}

/// Tries each step of a connection (*diagnostic de connexion*)
#[utoipa::path(get, path = "/mailboxes/{key}/diagnostic", tag = "mailboxes", params(("key" = String, Path, description = "Its key or its address")),
    responses((status = 200, description = "What was found at each step, in plain words", body = Diagnostic)))]
pub(crate) async fn diagnostic(caller: Caller, Of(key): Of<String>) -> Answer<Json<Diagnostic>> {
    let mailbox = known(&caller, &key).await?;
    let found = engine_of(&caller)?.diagnose(&mailbox.key).await?;
    Ok(Json(Diagnostic { address: mailbox.address, steps: Finding::all(&found) }))
}

/// Hands a Pro Santé Connect login over
///
/// The mailbox is read in the name of whoever logged in (see the header `Vaguemestre-Person`) until the login ends. Tokens
/// live in memory only. `Idempotency-Key` has no effect here: nothing of a token is kept.
#[utoipa::path(post, path = "/mailboxes/{key}/login", tag = "mailboxes", request_body = LoginBody, params(("key" = String, Path, description = "Its key or its address")),
    responses((status = 204, description = "Taken")))]
pub(crate) async fn log_in(
    caller: Caller,
    Of(key): Of<String>,
    Body(body): Body<LoginBody>,
) -> Answer<StatusCode> {
    let mailbox = known(&caller, &key).await?;
    if mailbox.kind == MailboxKind::App {
        let said = "an APP mailbox is opened by its certificate";
        return Err(Problem::conflict(said, "Give the certificate in the mailbox's settings."));
    }
    let login = engine::login(&caller.actor.name, body.access_token, caller.house.clock.clone());
    engine_of(&caller)?.log_in(&mailbox.key, login).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn known(caller: &Caller, key_or_address: &str) -> Answer<Mailbox> {
    let found = caller.house.practice.mailbox(key_or_address).await?;
    let found = found.ok_or_else(|| Problem::missing("mailbox", key_or_address))?;
    Ok(found)
}

fn engine_of(caller: &Caller) -> Answer<&Engine> {
    caller.house.engine.as_ref().ok_or_else(Problem::offline)
}

fn secret<'de, D: Deserializer<'de>>(from: D) -> Result<Secret<String>, D::Error> {
    String::deserialize(from).map(Secret::new)
}
