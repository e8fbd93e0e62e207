//! The objects of the contracts, for the description of the API. `bench` writes them; `docs/contracts.md` says what
//! may be relied on. They are open: fields are added over time.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A sentence in both languages.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub(crate) struct Words {
    /// French.
    pub(crate) fr: String,
    /// English.
    pub(crate) en: String,
}

impl From<&rules::Text> for Words {
    fn from(text: &rules::Text) -> Self {
        Self { fr: text.fr.clone(), en: text.en.clone() }
    }
}

/// What every refusal looks like.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Error)]
pub(crate) struct ErrorObject {
    /// `vaguemestre/error/1`.
    schema: String,
    /// What went wrong.
    error: ErrorBody,
}

/// What went wrong.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct ErrorBody {
    /// What scripts compare.
    code: ErrorWord,
    /// What happened, for a person.
    message: String,
    /// The field, parameter or header at fault.
    field: Option<String>,
    /// Further facts.
    #[schema(value_type = Object)]
    detail: serde_json::Value,
    /// What to do now.
    next: String,
}

/// The codes of the contracts.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ErrorCode)]
pub(crate) enum ErrorWord {
    DuplicateNil,
    IdentityInUse,
    UnknownProduct,
    UnknownJob,
    PortInUse,
    DataUnwritable,
    DataNewer,
    NoServer,
    AdapterMissing,
    Busy,
    BadInput,
    Forbidden,
}

/// A product with its two mailboxes.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct Product {
    /// `vaguemestre/product/1`.
    schema: String,
    /// Its number at Convergence.
    nil: String,
    /// Its name.
    name: String,
    /// Its newest version.
    product_version: Option<String>,
    /// `ready`: its mailboxes are active.
    status: String,
    /// The PER or ORG mailbox, then the APP mailbox.
    mailboxes: Vec<Mailbox>,
    /// *Parcours*, such as `MDV`.
    parcours: String,
    /// *Démarche* at Convergence.
    demarche: String,
    /// *Statut* of the démarche.
    statut: String,
    /// When it was registered.
    #[schema(format = DateTime)]
    created: String,
    /// Its client at the sandbox's Pro Santé Connect.
    psc_client: PscClient,
}

/// A mailbox of a product.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct Mailbox {
    /// `PER`, `ORG` or `APP`.
    #[serde(rename = "type")]
    kind: String,
    /// Its address.
    address: String,
    /// `xoauth2` (a token of Pro Santé Connect) or `external` (a client certificate).
    auth: String,
    /// The national identifier that it belongs to.
    identity: String,
}

/// A client at the sandbox's Pro Santé Connect.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct PscClient {
    /// Its identifier.
    client_id: String,
    /// The file that holds its secret, on the bench's machine.
    secret_file: String,
}

/// All products.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct Products {
    /// `vaguemestre/products/1`.
    schema: String,
    /// By number.
    products: Vec<Product>,
}

/// A product's AUTH_CLI certificate with its key.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct Certificate {
    /// The structure's identifier, as in the certificate.
    identity: String,
    /// Certificate and chain, PEM.
    certificate: String,
    /// Private key, PKCS#8 PEM.
    key: String,
    /// The lab's anchors, PEM.
    ca: String,
}

/// A job of the tree.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct Job {
    /// Stable identifier.
    id: String,
    /// Groups, outermost first.
    path: Vec<String>,
    /// Title.
    title: Words,
    /// Requirements that it is about.
    requirements: Vec<String>,
    /// `PER` or `APP`.
    mailbox: String,
    /// Who acts.
    automation: AutomationWord,
    /// Its positive control: a job, or a step of this job.
    control: Option<String>,
    /// What the client must be able to do.
    needs: Vec<String>,
    /// Duration with an adapter, in seconds.
    estimated_s: u32,
    /// SHA-256 of the scenario.
    digest: String,
}

/// Who makes the client act.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Automation)]
pub(crate) enum AutomationWord {
    Auto,
    Person,
    Attestation,
}

/// All jobs.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct Jobs {
    /// `vaguemestre/jobs/1`.
    schema: String,
    /// In the order of the tree.
    jobs: Vec<Job>,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Verdict)]
pub(crate) enum VerdictWord {
    Passed,
    Failed,
    Inconclusive,
    Unsupported,
    NotStarted,
    Aborted,
    Attested,
    NotApplicable,
}

impl From<VerdictWord> for bench::judge::Verdict {
    fn from(word: VerdictWord) -> Self {
        match word {
            VerdictWord::Passed => Self::Passed,
            VerdictWord::Failed => Self::Failed,
            VerdictWord::Inconclusive => Self::Inconclusive,
            VerdictWord::Unsupported => Self::Unsupported,
            VerdictWord::NotStarted => Self::NotStarted,
            VerdictWord::Aborted => Self::Aborted,
            VerdictWord::Attested => Self::Attested,
            VerdictWord::NotApplicable => Self::NotApplicable,
        }
    }
}

/// A requirement held against what was seen.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct Check {
    /// The requirement.
    requirement: String,
    /// The result.
    outcome: OutcomeWord,
    /// What is expected, in French.
    expected: String,
    /// What was seen, in French.
    received: String,
    /// Where the rule comes from.
    rule: String,
    /// The line of the log that decided.
    transcript_line: Option<u32>,
    /// What to do, in French; empty where it passed.
    next: String,
    /// The same in English.
    en: CheckEnglish,
}

/// A check's sentences in English.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct CheckEnglish {
    /// What is expected.
    expected: String,
    /// What was seen.
    received: String,
    /// What to do.
    next: String,
}

/// How one check ended.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Outcome)]
pub(crate) enum OutcomeWord {
    Passed,
    Failed,
    Inconclusive,
}

/// Where a run is.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct Phase {
    /// `queued`, `running` (an adapter), `waiting` (for a person) or `finished`.
    pub(crate) state: String,
    /// The run that it is queued behind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) behind: Option<i64>,
}

/// A run with its checks.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct Run {
    /// Its number.
    number: i64,
    /// Its campaign.
    campaign: i64,
    /// The product.
    nil: String,
    /// The job.
    job: String,
    /// Null while it is not finished.
    verdict: Option<VerdictWord>,
    /// Why it was not started or was aborted; empty otherwise.
    reason: String,
    /// The run that proved its positive control; its own where the control is a step of it.
    control: Option<i64>,
    /// Connections of others during the window: counted, never judged.
    strangers: u32,
    /// When its window opened.
    #[schema(format = DateTime)]
    started: String,
    /// From the opening of the window to the verdict.
    duration_ms: i64,
    /// What the adapter said of each step: shown, never judged.
    #[schema(value_type = Option<Vec<Object>>)]
    adapter: Option<Vec<serde_json::Value>>,
    /// In the scenario's order.
    checks: Vec<Check>,
    /// Its page.
    url: String,
    /// Where it is.
    phase: Phase,
}

/// A campaign: what one order started.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct Campaign {
    /// `vaguemestre/run/1`.
    schema: String,
    /// Its number.
    campaign: i64,
    /// The product.
    nil: String,
    /// Its seed.
    seed: i64,
    /// Whether announced durations are shortened.
    accelerated: bool,
    /// Whether every run has its verdict.
    finished: bool,
    /// How many runs ended how.
    #[schema(value_type = Object)]
    summary: serde_json::Value,
    /// Jobs that the adapter cannot drive.
    left_out: Vec<String>,
    /// Its runs.
    runs: Vec<Run>,
}

/// One line of a log.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct LogLine {
    /// Its number, from 1.
    n: u32,
    /// When.
    #[schema(format = DateTime)]
    at: String,
    /// Who says it: `banc`, `imap`, `smtp`, `psc`.
    node: String,
    /// The connection that it belongs to.
    connection: Option<i64>,
    /// The event behind it.
    seq: Option<i64>,
    /// The text, secrets masked.
    text: String,
}

/// One event of a stream (`event:` and `data:`).
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct SentEvent {
    /// What it is about.
    event: SentWord,
    /// For `state` where the run stands, in JSON; for `line` a line of the log, in JSON; for `done` the run's number.
    data: String,
}

/// What an event of a stream is about.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SentWord {
    State,
    Line,
    Done,
}

/// A token response (RFC 6749 §5.1).
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct Tokens {
    /// The access token.
    access_token: String,
    /// `Bearer`.
    token_type: String,
    /// Seconds of life.
    expires_in: u64,
}
