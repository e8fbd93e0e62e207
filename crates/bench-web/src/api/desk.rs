use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use bench::desk::{Activity, NodeState, Settings};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::ask::{Answer, Asked, Body, whole, within};
use super::shapes;
use crate::Face;

/// The services of the sandbox.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Nodes {
    /// `vaguemestre/nodes/1`.
    schema: &'static str,
    /// Every service.
    nodes: Vec<Node>,
}

/// One service.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Node {
    /// Such as `imap` or `psc`.
    id: &'static str,
    /// Where it is; empty where this build has none.
    address: String,
    /// `up`, `down`, or `absent` from this build.
    state: &'static str,
    /// What it said, or why it did not.
    detail: String,
    /// How long it took to answer, in microseconds.
    took_us: u64,
}

/// Asks every service for its greeting
#[utoipa::path(get, path = "/nodes", tag = "bench", responses((status = 200, description = "Every service and its state", body = Nodes)))]
pub(crate) async fn nodes(State(face): State<Face>) -> Json<Nodes> {
    let show = |node: bench::desk::Node| Node {
        id: node.id,
        address: node.address,
        state: match node.state {
            NodeState::Up => "up",
            NodeState::Down => "down",
            NodeState::Absent => "absent",
        },
        detail: node.detail,
        took_us: u64::try_from(node.took.as_micros()).unwrap_or(u64::MAX),
    };
    let nodes = face.bench.nodes().await.into_iter().map(show).collect();
    Json(Nodes { schema: "vaguemestre/nodes/1", nodes })
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Lately {
    /// How far back, in hours.
    #[serde(default = "day")]
    #[param(minimum = 1, maximum = 8_760, default = 24)]
    hours: u32,
}

fn day() -> u32 {
    24
}

/// What happened lately.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Activities {
    /// `vaguemestre/activity/1`.
    schema: &'static str,
    /// How far back, in hours.
    hours: u32,
    /// All products together.
    all: ActivityShown,
    /// Each product that ran something.
    products: Vec<ActivityShown>,
}

/// Runs of a product, or of all.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = Activity)]
pub(crate) struct ActivityShown {
    /// The product; empty for all together.
    nil: String,
    /// Runs.
    runs: u64,
    /// Of which failed.
    failed: u64,
    /// The products that ran them.
    by: Vec<String>,
}

impl From<Activity> for ActivityShown {
    fn from(activity: Activity) -> Self {
        Self { nil: activity.nil, runs: activity.runs, failed: activity.failed, by: activity.by }
    }
}

/// Says what happened lately
#[utoipa::path(get, path = "/activity", tag = "bench", params(Lately), responses((status = 200, description = "Runs and failures, all together and by product", body = Activities)))]
pub(crate) async fn activity(
    State(face): State<Face>,
    Asked(query): Asked<Lately>,
) -> Answer<Json<Activities>> {
    within("hours", query.hours.into(), 1..=8_760)?;
    let now = face.bench.parts().clock.now();
    let since = now.checked_sub(Duration::from_secs(u64::from(query.hours) * 3_600)).unwrap_or(now);
    let (all, products): (Vec<_>, Vec<_>) =
        face.bench.activity(since).await?.into_iter().partition(|activity| activity.nil.is_empty());
    Ok(Json(Activities {
        schema: "vaguemestre/activity/1",
        hours: query.hours,
        all: all.into_iter().next().map(ActivityShown::from).unwrap_or_default(),
        products: products.into_iter().map(ActivityShown::from).collect(),
    }))
}

/// What can be set. In a request, what is left out becomes the default.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = Settings)]
pub(crate) struct SettingsShown {
    /// `fr`, `en`, or empty: what the browser asks for.
    #[schema(pattern = "^(fr|en)?$")]
    language: String,
    /// Days after which evidence and logs of runs are thrown away; 0 keeps them.
    #[serde(deserialize_with = "whole")]
    #[schema(minimum = 0, maximum = 3_650)]
    retention_days: u64,
    /// Whether runs use the shortened durations unless told otherwise.
    accelerated: bool,
    /// Seconds that a window waits for a person.
    #[serde(deserialize_with = "whole")]
    #[schema(minimum = 5, maximum = 3_600)]
    timer_person_s: u64,
    /// Seconds that a window waits for an adapter's step.
    #[serde(deserialize_with = "whole")]
    #[schema(minimum = 1, maximum = 600)]
    timer_adapter_s: u64,
    /// Where support requests are written to: an address, or the URL of a page.
    #[schema(
        max_length = 200,
        pattern = "^([^\\s\\x00-\\x1f\\x7f-\\x9f:]*@[^\\s\\x00-\\x1f\\x7f-\\x9f:]*|(https?://|mailto:)[^\\s\\x00-\\x1f\\x7f-\\x9f]*)?$"
    )]
    support: String,
    /// What the home page announces; empty where nothing is.
    #[schema(max_length = 2_000, pattern = "^[^\\x00-\\x09\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x9f]*$")]
    notice: String,
    /// Which addresses are of patients, where a file is checked: each a domain, one address, or a `#` for each digit before the
    /// `@`. Empty: the default, which is Mon espace santé and MOTCO2's patient.
    #[schema(max_items = 20)]
    user_domains: Vec<UserDomainWord>,
}

/// A domain, an address, or a form of addresses.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(
    as = UserDomain,
    value_type = String,
    max_length = 250,
    pattern = "^([A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,31}(\\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,31})?@)?[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$",
    example = "patient.mssante.fr"
)]
pub(crate) struct UserDomainWord(String);

impl Default for SettingsShown {
    fn default() -> Self {
        Settings::default().into()
    }
}

impl From<Settings> for SettingsShown {
    fn from(settings: Settings) -> Self {
        Self {
            language: settings.language,
            retention_days: settings.retention_days.into(),
            accelerated: settings.accelerated,
            timer_person_s: settings.timer_person_s,
            timer_adapter_s: settings.timer_adapter_s,
            support: settings.support,
            notice: settings.notice,
            user_domains: settings.user_domains.into_iter().map(UserDomainWord).collect(),
        }
    }
}

/// Shows the settings
#[utoipa::path(get, path = "/settings", tag = "bench", responses((status = 200, description = "The settings", body = SettingsShown)))]
pub(crate) async fn settings(State(face): State<Face>) -> Answer<Json<SettingsShown>> {
    Ok(Json(face.bench.settings().await?.into()))
}

/// Saves the settings
#[utoipa::path(put, path = "/settings", tag = "bench", request_body = SettingsShown, responses((status = 200, description = "The settings as they are now", body = SettingsShown)))]
pub(crate) async fn save(
    State(face): State<Face>,
    Body(body): Body<SettingsShown>,
) -> Answer<Json<SettingsShown>> {
    within("retention_days", body.retention_days, 0..=u64::from(u32::MAX))?;
    let settings = Settings {
        language: body.language,
        retention_days: u32::try_from(body.retention_days).unwrap_or(u32::MAX),
        accelerated: body.accelerated,
        timer_person_s: body.timer_person_s,
        timer_adapter_s: body.timer_adapter_s,
        support: body.support,
        notice: body.notice,
        user_domains: body.user_domains.into_iter().map(|word| word.0).collect(),
    };
    face.bench.save_settings(&settings).await?;
    Ok(Json(face.bench.settings().await?.into()))
}

/// What runs here.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Version {
    /// `vaguemestre/version/1`.
    schema: &'static str,
    /// Version of the software.
    version: &'static str,
    /// Domain of the mailboxes.
    domain: String,
    /// Id of the key that signs proofs.
    proof_key: String,
    /// How many jobs this version has.
    jobs: usize,
}

/// Says what runs here
#[utoipa::path(get, path = "/version", tag = "bench", responses((status = 200, description = "Version, domain and proof key", body = Version)))]
pub(crate) async fn version(State(face): State<Face>) -> Json<Version> {
    Json(Version {
        schema: "vaguemestre/version/1",
        version: env!("CARGO_PKG_VERSION"),
        domain: face.bench.parts().operator.domain().to_owned(),
        proof_key: face.bench.signer().key_id(),
        jobs: face.bench.catalogue().iter().count(),
    })
}

/// Whether the bench can work.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Health {
    /// `vaguemestre/health/1`.
    schema: &'static str,
    /// Always `ok`; a bench that cannot read its data answers 503.
    status: &'static str,
}

/// Says whether the bench can work
///
/// Reads the database. `GET /nodes` looks at the other services.
#[utoipa::path(get, path = "/health", tag = "bench", responses((status = 200, description = "It can", body = Health)))]
pub(crate) async fn health(State(face): State<Face>) -> Answer<Json<Health>> {
    face.bench.newest_runs(1).await?;
    Ok(Json(Health { schema: "vaguemestre/health/1", status: "ok" }))
}

/// Whose tokens are wanted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TokenBody {
    /// The PSC identifier of a registered product.
    #[schema(example = "899700000018")]
    identity: String,
    /// Whether the token lives for 5 s instead of 120.
    #[serde(default)]
    accelerated: bool,
}

/// Gives tokens of the sandbox's Pro Santé Connect
#[utoipa::path(post, path = "/psc/token", tag = "bench", request_body = TokenBody,
    responses((status = 200, description = "The token response; not to be kept by caches", body = shapes::Tokens), (status = 404, description = "`unknown_product`", body = shapes::ErrorObject)))]
pub(crate) async fn token(State(face): State<Face>, Body(body): Body<TokenBody>) -> Answer<Response> {
    let tokens = face.bench.tokens(&body.identity, body.accelerated).await?;
    let headers = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store")];
    Ok((headers, tokens.response.to_json().reveal().clone()).into_response())
}
