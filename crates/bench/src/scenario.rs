//! Scenarios: jobs as data.

mod family;

use std::collections::BTreeSet;
use std::time::Duration;

use faults::Script;
use psc::PscFault;
use rules::{Criterion, Must, Protocol, Registry, SessionMust, Text};
use serde::{Deserialize, Serialize};

macro_rules! files {
    ($($id:literal),* $(,)?) => { &[$((concat!($id, ".toml"), include_str!(concat!("../scenarios/", $id, ".toml")))),*] };
}

/// The scenario files of this build, in the order of the job tree.
const FILES: &[(&str, &str)] = files![
    "segur-v2-parcours",
    "cert-auth-imap",
    "cert-auth-smtp",
    "cert-starttls-imap",
    "cert-starttls-smtp",
    "cert-tls-floor",
    "cert-tls-suites",
    "cert-ins",
    "cert-ins-n",
    "cert-codecda",
    "cert-two-cda",
    "cert-nil",
    "cert-plain",
    "cert-mes",
    "cert-mes-patient",
    "cert-mes-absent",
    "psc-ins",
    "psc-ins-n",
    "psc-codecda",
    "psc-two-cda",
    "psc-nil",
    "psc-plain",
    "psc-mes",
    "psc-mes-patient",
    "psc-mes-absent",
    "psc-auth-imap",
    "psc-auth-smtp",
    "psc-starttls-imap",
    "psc-starttls-smtp",
    "psc-tls-floor",
    "psc-tls-suites",
    "psc-token-refused",
    "psc-token-refused-smtp",
    "psc-login-flow",
    "cert-reply",
    "psc-reply",
    "psc-directory",
];

/// The root of the jobs that no requirement of the référentiel asks for.
pub const BEYOND: &str = "Au-delà du référentiel";

/// The root of the jobs about the directory: the référentiel asks for it, MOTCO2 does not try it.
pub const DIRECTORY: &str = "Annuaire Santé";

/// One job, as data: what it is called, whom it is for, what is done, what is expected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Stable identifier, such as `psc-nil`.
    pub id: String,
    /// Groups, outermost first. The last one is what a GROUP argument names.
    pub path: Vec<String>,
    /// Title, MOTCO2's own where it is known.
    pub title: Text,
    /// Requirement ids that the job is about.
    pub requirements: Vec<String>,
    /// Mailbox used: `PER` (or ORG, with the same login) or `APP`.
    pub mailbox: Mailbox,
    /// Who acts.
    pub automation: Automation,
    /// The job, or the step of this job, that is its positive control; never absent for a negative job.
    #[serde(default)]
    pub control: Option<String>,
    /// What the client must be able to do.
    pub needs: Vec<String>,
    /// Expected duration with an adapter, in seconds.
    pub estimated_s: u32,
    /// The name of the script in the log's first line: `PSC` or `AUTH_CLI`.
    pub script: String,
    /// The mode in the log: `authentification` or `indicateurs`.
    pub mode: String,
    /// Whether MOTCO2's own content of this job is not public, and this is what the requirement says.
    #[serde(default)]
    pub reconstructed: bool,
    /// Why it is tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<Text>,
    /// What to do on the LPS, for a person; `{address}`, `{imap}`, `{smtp}`, `{psc}`, `{identity}`, `{nil}` are filled in.
    #[serde(default)]
    pub lps: Vec<Text>,
    /// What to do on the bench, for a person.
    #[serde(default)]
    pub banc: Vec<Text>,
    /// What an adapter is asked for, in order.
    pub step: Vec<Step>,
    /// What the judge holds against the wire.
    pub expect: Vec<Expectation>,
}

/// Kind of mailbox that a job uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Mailbox {
    /// Personal or organisational: XOAUTH2.
    Per,
    /// Applicative: client certificate.
    App,
}

impl Mailbox {
    /// `PER` or `APP`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Per => "PER",
            Self::App => "APP",
        }
    }
}

/// Who makes the client act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Automation {
    /// An adapter can.
    Auto,
    /// A person must.
    Person,
    /// Declared, with evidence that no machine judges.
    Attestation,
}

/// One call of the adapter; for a person, one thing to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Its name in the scenario: what expectations and `control` refer to.
    #[serde(default)]
    pub id: String,
    /// The adapter's verb.
    pub adapter: Verb,
    /// The protocols it is handed.
    pub protocols: Vec<Protocol>,
    /// Whom a message goes to.
    #[serde(default)]
    pub to: Recipient,
    /// The documents that a message carries.
    #[serde(default)]
    pub documents: Vec<DocumentKind>,
    /// Whether the professional wants no answer (`X-MSS-MES: FIN`, SC.MSS/CONF.21).
    #[serde(default)]
    pub close: bool,
    /// How the sandbox misbehaves during this step.
    #[serde(default)]
    pub arm: Option<Arm>,
    /// The same, as a script of [`faults`] (docs/faults.md): armed on a port of the step's own for an adapter, on the
    /// product's fixed ports for a person. `$slow` is the length of a slow answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub faults: Option<String>,
    /// Whether a client that does right refuses to go on.
    #[serde(default, skip_serializing_if = "is_false")]
    pub refusal: bool,
    /// Messages that the bench puts into the mailbox before the step.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub deposit: u32,
    /// The client is told a DNS server and neither host nor port: the step's own ones, which that server alone knows.
    /// Adapters only.
    #[serde(default, skip_serializing_if = "is_false")]
    pub dns: bool,
    /// How that server misbehaves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dns_fault: Option<DnsFault>,
    /// What the client is told of somebody, to be found in a directory of the step's own: of a step that sends, instead of the
    /// recipient. Adapters only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub query: Vec<Criterion>,
    /// How that directory misbehaves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory_fault: Option<DirectoryFault>,
    /// TLS from the first byte instead of STARTTLS. Adapters only.
    #[serde(default, skip_serializing_if = "is_false")]
    pub implicit_tls: bool,
    /// The token that the step hands out, where it is not any token: what is done with it and with its session is judged,
    /// on ports of the step's own. PER and ORG mailboxes, adapters only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<TokenKind>,
    /// Whether the client is handed no token but what it takes to log in to Pro Santé Connect, which answers in the person's
    /// place. PER and ORG mailboxes, adapters only.
    #[serde(default, skip_serializing_if = "is_false")]
    pub psc_login: bool,
    /// Whether the mailbox is another one that the same person may open: an organisation's, of the bench's own. PER and ORG
    /// mailboxes, adapters only.
    #[serde(default, skip_serializing_if = "is_false")]
    pub shared: bool,
    /// How Pro Santé Connect misbehaves towards the product's client during the step. Adapters only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub psc_fault: Option<PscTrouble>,
}

/// A token that a step hands out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenKind {
    /// As any other.
    Usual,
    /// One that has expired already; its refresh token is good.
    Expired,
    /// One that ends while a slow answer lasts.
    Brief,
    /// One of over 4 KB.
    Long,
}

/// How Pro Santé Connect misbehaves: `expired`, or `unavailable-503:1` for once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PscTrouble {
    /// What it does; a fault of tokens holds for the token that the step hands out, too.
    pub fault: PscFault,
    /// How often; throughout the step where absent.
    pub times: Option<u32>,
}

impl TryFrom<String> for PscTrouble {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let times = text.rsplit_once(':').and_then(|(fault, times)| Some((fault, times.parse().ok()?)));
        let (fault, times) = times.map_or((text.as_str(), None), |(fault, times)| (fault, Some(times)));
        let fault = fault.parse::<PscFault>().map_err(|error| error.to_string())?;
        Ok(Self { fault, times })
    }
}

impl From<PscTrouble> for String {
    fn from(trouble: PscTrouble) -> Self {
        let times = trouble.times.map(|times| format!(":{times}")).unwrap_or_default();
        format!("{}{times}", trouble.fault)
    }
}

/// How the directory of a step misbehaves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DirectoryFault {
    /// The name of what it does ([`fhird::Fault`]): `html`, `unavailable`, `too-many-requests`, `slow`…
    pub fault: String,
    /// How often; for ever where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
}

/// How the DNS server of a step misbehaves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DnsFault {
    /// What it does: `nxdomain`, `not-offered`, `servfail`, `truncate`, `slow=2s`…
    pub fault: dns::Fault,
    /// How often; for ever where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
}

fn is_false(value: &bool) -> bool {
    !value
}

fn is_zero(value: &u32) -> bool {
    *value == 0
}

impl Step {
    /// Whether a message is expected of it.
    pub fn mails(&self) -> bool {
        matches!(self.adapter, Verb::Send | Verb::Reply)
    }

    /// Whether a client that does right refuses to go on.
    pub fn expects_refusal(&self) -> bool {
        self.refusal || self.arm == Some(Arm::OldTls)
    }

    /// Whether it is for adapters only: where nobody can say who connects, or ports are the step's own.
    pub fn is_for_adapters(&self) -> bool {
        self.arm == Some(Arm::OldTls)
            || self.implicit_tls
            || self.dns
            || self.has_own_session()
            || !self.query.is_empty()
    }

    /// Whether what is done with the step's token and its PSC session is judged.
    pub fn has_own_session(&self) -> bool {
        self.token.is_some() || self.psc_fault.is_some() || self.shared || self.psc_login
    }

    /// The faults of this step, with a slow answer lasting `slow`. The catalogue has read the script once already.
    pub fn script(&self, slow: Duration) -> Option<Script> {
        let text = self.faults.as_ref()?;
        text.replace("$slow", &format!("{}ms", slow.as_millis())).parse().ok()
    }

    /// The names of its faults.
    pub fn fault_names(&self) -> Vec<String> {
        let script = self.script(Duration::from_secs(1));
        script.map(|script| script.faults.into_iter().map(|fault| fault.name).collect()).unwrap_or_default()
    }
}

/// Whom a message of a step goes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recipient {
    /// A professional's mailbox of the bench, that the run owns.
    #[default]
    Bench,
    /// A patient in MOTCO2's own form: digits only, on the test domain (spec 00).
    PatientMotco2,
    /// A patient in the real form: `<matricule>@patient.mssante.fr`.
    Patient,
}

/// A document that the bench hands to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DocumentKind {
    /// A discharge letter of a patient with a qualified INS.
    Letter,
    /// A laboratory report of the same patient.
    Report,
    /// A discharge letter of a patient whose INS has no OID: not qualified.
    Unqualified,
}

impl DocumentKind {
    /// Whether its patient's INS is qualified.
    pub fn is_qualified(self) -> bool {
        self != Self::Unqualified
    }
}

/// How the sandbox misbehaves during a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arm {
    /// The first token presented is refused, whatever it is.
    RefuseFirstToken,
    /// The port offers TLS 1.1 and nothing else. Adapters only: nobody sees who connects before TLS.
    OldTls,
}

/// The verbs of the adapter protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verb {
    /// Log in.
    Login,
    /// Fetch what is new.
    Fetch,
    /// Send a message.
    Send,
    /// Put a message in a folder.
    Append,
    /// Search the directory.
    Search,
    /// Answer a message.
    Reply,
    /// Log out.
    Logout,
}

/// One expectation; `check` says which.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "check", rename_all = "snake_case", deny_unknown_fields)]
pub enum Expectation {
    /// TLS before any login attempt.
    TlsBeforeLogin {
        /// Requirement that asks for it.
        requirement: String,
        /// The step it is about; every step where absent.
        #[serde(default)]
        step: Option<String>,
        /// Where.
        protocol: Protocol,
    },
    /// One mechanism only.
    Mechanism {
        /// Requirement that asks for it.
        requirement: String,
        /// The step it is about; every step where absent.
        #[serde(default)]
        step: Option<String>,
        /// Where.
        protocol: Protocol,
        /// `XOAUTH2` or `EXTERNAL`.
        mechanism: String,
    },
    /// A login accepted on the run's mailbox.
    Login {
        /// Requirement that asks for it.
        requirement: String,
        /// The step it is about; every step where absent.
        #[serde(default)]
        step: Option<String>,
        /// Where.
        protocol: Protocol,
    },
    /// The product's AUTH_CLI certificate in the handshake.
    ClientCertificate {
        /// Requirement that asks for it.
        requirement: String,
        /// The step it is about; every step where absent.
        #[serde(default)]
        step: Option<String>,
        /// Where.
        protocol: Protocol,
    },
    /// STARTTLS on the plain port, nothing but its preliminaries before.
    Starttls {
        /// Requirement that asks for it.
        requirement: String,
        /// The step it is about; every step where absent.
        #[serde(default)]
        step: Option<String>,
        /// Where.
        protocol: Protocol,
    },
    /// A ClientHello that offers nothing below TLS 1.2.
    TlsOffered {
        /// Requirement that asks for it.
        requirement: String,
        /// The step it is about; every step where absent.
        #[serde(default)]
        step: Option<String>,
        /// Where.
        protocol: Protocol,
    },
    /// A ClientHello whose suites hold against ANSSI's list.
    SuitesOffered {
        /// Requirement that asks for it.
        requirement: String,
        /// The step it is about; every step where absent.
        #[serde(default)]
        step: Option<String>,
        /// Where.
        protocol: Protocol,
    },
    /// A server that offers TLS 1.1 only is refused. Adapters only.
    OldTlsRefused {
        /// Requirement that asks for it.
        requirement: String,
        /// The step it is about; every step where absent.
        #[serde(default)]
        step: Option<String>,
        /// Where.
        protocol: Protocol,
    },
    /// After a refusal, one new login with another token.
    TokenRenewed {
        /// Requirement that asks for it.
        requirement: String,
        /// The step it is about; every step where absent.
        #[serde(default)]
        step: Option<String>,
        /// Where.
        protocol: Protocol,
    },
    /// A message taken in.
    MailReceived {
        /// Requirement that asks for it.
        requirement: String,
        /// The step it is about; every step where absent.
        #[serde(default)]
        step: Option<String>,
    },
    /// A message to the step's recipient; another one proves nothing.
    SentTo {
        /// Requirement that asks for it.
        requirement: String,
        /// The step it is about; every step where absent.
        #[serde(default)]
        step: Option<String>,
    },
    /// What the message must carry for the test to mean something.
    Content {
        /// Requirement that asks for it.
        requirement: String,
        /// The step it is about; every step where absent.
        #[serde(default)]
        step: Option<String>,
        /// CDA documents in its IHE_XDM archive; 0 for a mail without.
        documents: usize,
        /// Whether a qualified INS must be in them; either where absent.
        #[serde(default)]
        qualified: Option<bool>,
    },
    /// `X-MSS-NIL` with the product's number.
    Nil {
        /// Requirement that asks for it.
        requirement: String,
        /// The step it is about; every step where absent.
        #[serde(default)]
        step: Option<String>,
    },
    /// `X-MSS-INS` as the archive says; absent without one.
    Ins {
        /// Requirement that asks for it.
        requirement: String,
        /// The step it is about; every step where absent.
        #[serde(default)]
        step: Option<String>,
    },
    /// `X-MSS-CODECDA` as the archive says; absent without one.
    Codecda {
        /// Requirement that asks for it.
        requirement: String,
        /// The step it is about; every step where absent.
        #[serde(default)]
        step: Option<String>,
    },
    /// `X-MSS-MES`.
    Mes {
        /// Requirement that asks for it.
        requirement: String,
        /// The step it is about; every step where absent.
        #[serde(default)]
        step: Option<String>,
        /// `FIN` once where true, no such header where false.
        close: bool,
    },
    /// The message answers the one that the bench put into the mailbox.
    Reply {
        /// Requirement that asks for it.
        requirement: String,
        /// The step it is about; every step where absent.
        #[serde(default)]
        step: Option<String>,
    },
    /// The server misbehaved as the step's script says, and the client did as it must.
    Faulted {
        /// Requirement that asks for it.
        requirement: String,
        /// The step with the faults.
        #[serde(default)]
        step: Option<String>,
        /// Where.
        protocol: Protocol,
        /// What the client must do.
        must: Must,
        /// How often at most, or how many milliseconds at least.
        #[serde(default)]
        bound: u32,
    },
    /// The client did with the step's token, and with the PSC session behind it, as it must. Adapters only.
    Session {
        /// Requirement that asks for it.
        requirement: String,
        /// The step that hands the token out.
        #[serde(default)]
        step: Option<String>,
        /// Where.
        protocol: Protocol,
        /// What the client must do.
        must: SessionMust,
        /// How often at most.
        #[serde(default)]
        bound: u32,
    },
    /// Whom the step is about was looked up, and written to afterwards. Adapters only.
    FoundFirst {
        /// Requirement that asks for it.
        requirement: String,
        /// The step that sends.
        #[serde(default)]
        step: Option<String>,
    },
    /// Each criterion of the step was searched by, and the entry found. Adapters only.
    SearchedBy {
        /// Requirement that asks for it.
        requirement: String,
        /// The step that searches.
        #[serde(default)]
        step: Option<String>,
    },
    /// The step's directory was out of order, and that was told or outlived. Adapters only.
    DirectoryTrouble {
        /// Requirement that asks for it.
        requirement: String,
        /// The step with the fault.
        #[serde(default)]
        step: Option<String>,
    },
    /// The servers are found by DNS, or nowhere. Adapters only.
    Discovered {
        /// Requirement that asks for it.
        requirement: String,
        /// The step it is about.
        #[serde(default)]
        step: Option<String>,
        /// Where.
        protocol: Protocol,
        /// Whether the DNS leads nowhere.
        #[serde(default)]
        nowhere: bool,
    },
    /// One Message-ID, well formed.
    MessageId {
        /// Requirement that asks for it.
        requirement: String,
        /// The step it is about; every step where absent.
        #[serde(default)]
        step: Option<String>,
    },
}

impl Expectation {
    /// The requirement that asks for it.
    pub fn requirement(&self) -> &str {
        self.common().0
    }

    /// The step it is about.
    pub fn step(&self) -> Option<&str> {
        self.common().1
    }

    /// Whether only a run by an adapter can show it.
    pub fn needs_adapter(&self) -> bool {
        matches!(
            self,
            Self::OldTlsRefused { .. }
                | Self::Discovered { .. }
                | Self::Session { .. }
                | Self::FoundFirst { .. }
                | Self::SearchedBy { .. }
                | Self::DirectoryTrouble { .. }
        )
    }

    fn common(&self) -> (&str, Option<&str>) {
        match self {
            Self::TlsBeforeLogin { requirement, step, .. }
            | Self::Mechanism { requirement, step, .. }
            | Self::Login { requirement, step, .. }
            | Self::ClientCertificate { requirement, step, .. }
            | Self::Starttls { requirement, step, .. }
            | Self::TlsOffered { requirement, step, .. }
            | Self::SuitesOffered { requirement, step, .. }
            | Self::OldTlsRefused { requirement, step, .. }
            | Self::TokenRenewed { requirement, step, .. }
            | Self::MailReceived { requirement, step, .. }
            | Self::SentTo { requirement, step, .. }
            | Self::Content { requirement, step, .. }
            | Self::Nil { requirement, step, .. }
            | Self::Ins { requirement, step, .. }
            | Self::Codecda { requirement, step, .. }
            | Self::Mes { requirement, step, .. }
            | Self::Reply { requirement, step, .. }
            | Self::Faulted { requirement, step, .. }
            | Self::Session { requirement, step, .. }
            | Self::FoundFirst { requirement, step }
            | Self::SearchedBy { requirement, step }
            | Self::DirectoryTrouble { requirement, step }
            | Self::Discovered { requirement, step, .. }
            | Self::MessageId { requirement, step, .. } => (requirement, step.as_deref()),
        }
    }
}

impl Scenario {
    /// SHA-256 of the scenario in its serialised form: two builds with the same digest ask for the same thing.
    pub fn digest(&self) -> String {
        kernel::sha256_hex(serde_json::to_string(self).expect("a scenario serialises").as_bytes())
    }

    /// The protocols that the scenario is about, for the log.
    pub fn protocols(&self) -> Vec<Protocol> {
        let mut all: Vec<Protocol> = Vec::new();
        for protocol in self.step.iter().flat_map(|step| &step.protocols) {
            if !all.contains(protocol) {
                all.push(*protocol);
            }
        }
        all
    }

    /// Whether the run ends with a message.
    pub fn expects_mail(&self) -> bool {
        self.mail_steps().next().is_some()
    }

    /// The steps that a message is expected of.
    pub fn mail_steps(&self) -> impl Iterator<Item = &Step> {
        self.step.iter().filter(|step| step.mails())
    }

    /// The steps of a run, in order: a person is not asked what only an adapter can be judged on.
    pub fn steps_for(&self, by_adapter: bool) -> impl Iterator<Item = &Step> {
        self.step.iter().filter(move |step| by_adapter || !step.is_for_adapters())
    }

    /// Whether its positive control is one of its own steps.
    pub fn has_own_control(&self) -> bool {
        self.control.as_ref().is_some_and(|control| self.step.iter().any(|step| step.id == *control))
    }
}

/// Every scenario of this build.
#[derive(Clone, Debug)]
pub struct Catalogue(Vec<Scenario>);

impl Catalogue {
    /// Reads the embedded files.
    ///
    /// # Errors
    /// The file, the line and what is wrong: an unknown expectation, job or requirement id is refused at start.
    pub fn load() -> Result<Self, String> {
        let mut files: Vec<(String, String)> =
            FILES.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        files.extend(family::all()?);
        let files: Vec<(&str, &str)> =
            files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        Self::read(&files)
    }

    fn read(files: &[(&str, &str)]) -> Result<Self, String> {
        let mut all: Vec<Scenario> = Vec::new();
        for (name, text) in files {
            let scenario: Scenario = toml::from_str(text).map_err(|error| format!("{name}: {error}"))?;
            for id in scenario
                .requirements
                .iter()
                .map(String::as_str)
                .chain(scenario.expect.iter().map(Expectation::requirement))
            {
                if Registry::get().find(id).is_none() {
                    return Err(format!(
                        "{name}: line {}: no requirement {id} in the registry",
                        line_of(text, id)
                    ));
                }
            }
            if let Some(twin) = all.iter().find(|other| other.id == scenario.id) {
                return Err(format!("{name}: job {} is defined twice", twin.id));
            }
            if scenario.path.is_empty() || scenario.expect.is_empty() {
                return Err(format!("{name}: a job has a path and at least one expectation"));
            }
            check_steps(name, text, &scenario)?;
            let is_step = |id: &str| scenario.step.iter().any(|step| step.id == id);
            if let Some(step) =
                scenario.expect.iter().filter_map(Expectation::step).find(|step| !is_step(step))
            {
                return Err(format!(
                    "{name}: line {}: an expectation is about {step}, which is no step",
                    line_of(text, step)
                ));
            }
            all.push(scenario);
        }
        let ids: BTreeSet<&str> = all.iter().map(|scenario| scenario.id.as_str()).collect();
        for scenario in &all {
            let Some(control) = scenario.control.as_deref() else { continue };
            if !ids.contains(control) && !scenario.has_own_control() {
                return Err(format!(
                    "{}.toml: its control {control} is no job and none of its steps",
                    scenario.id
                ));
            }
        }
        Ok(Self(all))
    }

    /// In the order of the tree.
    pub fn iter(&self) -> impl Iterator<Item = &Scenario> {
        self.0.iter()
    }

    /// By id.
    pub fn find(&self, id: &str) -> Option<&Scenario> {
        self.0.iter().find(|scenario| scenario.id == id)
    }

    /// What `JOB`, `GROUP` or `all` stands for; a GROUP is the last element of a path, compared exactly. Several JOBs go
    /// with commas between them, in that order and without repeats; nothing is chosen where one of them is unknown.
    pub fn select(&self, what: &str) -> Vec<&Scenario> {
        if what == "all" {
            return self.iter().collect();
        }
        if what.contains(',') {
            let mut ids: Vec<&str> = Vec::new();
            what.split(',').map(str::trim).for_each(|id| {
                if !ids.contains(&id) {
                    ids.push(id)
                }
            });
            return ids.into_iter().map(|id| self.find(id)).collect::<Option<_>>().unwrap_or_default();
        }
        match self.find(what) {
            Some(one) => vec![one],
            None => {
                self.iter().filter(|scenario| scenario.path.last().is_some_and(|last| last == what)).collect()
            }
        }
    }
}

/// What a step's faults must be: a readable script, servers that the TLS lab has, and a control beside them; and tokens are
/// handed out where there are any.
fn check_steps(name: &str, text: &str, scenario: &Scenario) -> Result<(), String> {
    for step in scenario.step.iter().filter(|step| step.has_own_session()) {
        if scenario.mailbox != Mailbox::Per {
            return Err(format!("{name}: step {}: an APP mailbox has no token", step.id));
        }
        if step.psc_fault.is_some() && scenario.control.is_none() {
            return Err(format!("{name}: a job with faults names its positive control"));
        }
    }
    for step in &scenario.step {
        let Some(wanted) = &step.directory_fault else { continue };
        wanted.fault.parse::<fhird::Fault>().map_err(|error| {
            format!("{name}: line {}: step {}: {error}", line_of(text, &wanted.fault), step.id)
        })?;
        if step.query.is_empty() || scenario.control.is_none() {
            return Err(format!(
                "{name}: step {}: a fault of the directory needs a query, and the job a control",
                step.id
            ));
        }
    }
    for step in scenario.step.iter().filter(|step| step.faults.is_some()) {
        let script = step.faults.as_deref().unwrap_or_default().replace("$slow", "1s");
        let script: Script =
            script.parse().map_err(|error| format!("{name}: the faults of step {}: {error}", step.id))?;
        let servers = script.faults.iter().flat_map(|fault| &fault.actions);
        for action in servers {
            if let faults::Action::Tls(server) = action {
                tls::BadServer::parse(server)
                    .map_err(|error| format!("{name}: line {}: {error}", line_of(text, server)))?;
            }
        }
        if scenario.control.is_none() {
            return Err(format!("{name}: a job with faults names its positive control"));
        }
    }
    Ok(())
}

fn line_of(text: &str, needle: &str) -> usize {
    text.lines().position(|line| line.contains(needle)).map_or(0, |at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_of_this_build_is_sound() {
        let catalogue = Catalogue::load().unwrap();
        let names = [
            "auth-imap",
            "auth-smtp",
            "starttls-imap",
            "starttls-smtp",
            "tls-floor",
            "ins",
            "codecda",
            "nil",
            "mes",
        ];
        let fixed = names.iter().flat_map(|name| [format!("psc-{name}"), format!("cert-{name}")]);
        for id in fixed.chain(["psc-token-refused".into(), "segur-v2-parcours".into()]) {
            assert!(catalogue.find(&id).is_some(), "{id} is missing");
        }
        let groups: BTreeSet<&str> = catalogue
            .iter()
            .filter(|job| job.path[0] != BEYOND && job.path[0] != DIRECTORY)
            .filter_map(|job| job.path.get(1))
            .map(String::as_str)
            .collect();
        assert_eq!(groups.len(), 7, "MOTCO2 has seven groups: {groups:?}");
        let roots: BTreeSet<&str> = catalogue.iter().map(|job| job.path[0].as_str()).collect();
        assert_eq!(roots.len(), 4, "MOTCO2 has two roots, and two are ours: {roots:?}");
        assert_eq!(catalogue.select("MSS-LPS-SEGUR-APP").len(), 2);
        assert_eq!(catalogue.select("all").len(), catalogue.iter().count());
        assert!(catalogue.select("MSS-LPS").is_empty());
        let some = catalogue.select("psc-nil,cert-auth-imap, psc-nil");
        assert_eq!(some.iter().map(|job| job.id.as_str()).collect::<Vec<_>>(), ["psc-nil", "cert-auth-imap"]);
        assert!(catalogue.select("psc-nil,nothing").is_empty());
    }

    #[test]
    fn a_scenario_with_an_unknown_word_is_refused_with_its_file_and_line() {
        let good = include_str!("../scenarios/psc-auth-imap.toml");
        let bad = good.replace("SC.MSS/CONF.07", "SC.MSS/CONF.99");
        let error = Catalogue::read(&[("x.toml", &bad)]).unwrap_err();
        assert!(error.starts_with("x.toml: line 3: no requirement SC.MSS/CONF.99"), "{error}");
        let bad = good.replace("check = \"login\"", "check = \"telepathy\"");
        let error = Catalogue::read(&[("x.toml", &bad)]).unwrap_err();
        assert!(error.contains("x.toml") && error.contains("telepathy"), "{error}");
        let error = Catalogue::read(&[("a", good), ("b", good)]).unwrap_err();
        assert!(error.contains("twice"), "{error}");
        let bad = good.replacen("needs =", "control = \"psc-nothing\"\nneeds =", 1);
        let error = Catalogue::read(&[("x.toml", &bad)]).unwrap_err();
        assert!(error.contains("psc-nothing"), "{error}");
        let bad = good.replacen("check = \"login\"", "check = \"login\"\nstep = \"elsewhere\"", 1);
        let error = Catalogue::read(&[("x.toml", &bad)]).unwrap_err();
        assert!(error.contains("elsewhere, which is no step"), "{error}");
    }
}
