//! The objects of the API as its description says them. `practice` writes them; a test holds what it writes against what
//! is described here. They are open: fields are added over time, none is renamed or removed.
#![allow(dead_code)] // described, not built: see above

use practice::Key;
use serde_json::Value;
use utoipa::openapi::schema::{Object, ObjectBuilder, Schema, Type};
use utoipa::openapi::{RefOr, schema::SchemaType};
use utoipa::{PartialSchema, ToSchema};

use crate::problem::{Answer, Problem};

/// A key of the path, the query or a header.
pub(crate) fn key(field: &str, text: &str) -> Answer<Key> {
    Key::parse(text).ok_or_else(|| {
        let next = "Take a key from a list: letters, digits and hyphens, 32 at most.";
        Problem::bad(field, format!("{field} is no key"), next)
    })
}

/// The words of an enumeration of `practice`, as a schema of its own.
macro_rules! described_words {
    ($($(#[doc = $doc:literal])+ $word:ident = $of:ty as $name:literal;)+) => {
        /// Each with its name: those that only parameters use are in no body's schema.
        pub(crate) fn words() -> Vec<(&'static str, RefOr<Schema>)> {
            vec![$(($name, $word::schema())),+]
        }
        $(
        $(#[doc = $doc])+
        #[derive(Debug)]
        pub(crate) struct $word;

        impl PartialSchema for $word {
            fn schema() -> RefOr<Schema> {
                let words = <$of>::ALL.iter().map(|one| Value::from(one.word()));
                enumeration(concat!($($doc),+).trim(), words.collect())
            }
        }

        impl ToSchema for $word {
            fn name() -> std::borrow::Cow<'static, str> {
                $name.into()
            }
        }
        )+
    };
}

fn enumeration(about: &str, words: Vec<Value>) -> RefOr<Schema> {
    let object: Object = ObjectBuilder::new()
        .schema_type(SchemaType::Type(Type::String))
        .enum_values(Some(words))
        .description(Some(about))
        .build();
    RefOr::T(Schema::Object(object))
}

described_words! {
    /// What kind of change.
    ChangeWord = practice::ChangeKind as "ChangeKind";
    /// Whose mailbox: of a person, an organisation, an application.
    MailboxWord = practice::MailboxKind as "MailboxKind";
    /// How far the reading of a mail has come; fetched, kept and read are separate facts.
    ReadingWord = practice::Reading as "Reading";
    /// What a row is made of.
    FormWord = practice::Form as "Form";
    /// What the sender asks to be done.
    ActionWord = practice::Action as "Action";
    /// Who sent it.
    ProvenanceWord = practice::Provenance as "Provenance";
    /// What became of a document.
    StateWord = practice::State as "State";
    /// How a document stands among those that are here already.
    StandingWord = practice::Standing as "Standing";
    /// What a sender asks for.
    RequestWord = practice::RequestKind as "RequestKind";
    /// What a list is ordered by.
    SortWord = practice::Sort as "Sort";
    /// What a person is in the practice.
    PersonRoleWord = practice::PersonRole as "PersonRole";
    /// How far a right goes.
    MayWord = practice::May as "May";
    /// How far a request has come.
    RequestStateWord = practice::RequestState as "RequestState";
}

/// Why something was refused or failed (RFC 9457).
#[derive(Debug, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemObject {
    /// `urn:vaguemestre:problem:` and the code.
    r#type: String,
    /// The status in words.
    title: String,
    /// The HTTP status.
    status: u16,
    /// What happened, for a person.
    detail: String,
    /// What programs compare.
    code: String,
    /// The parameter, header or field at fault.
    field: Option<String>,
    /// How far it had come: `input`, `storage`, `resolve`, `connect`, `greeting`, `tls`, `authenticate`, `command`…
    stage: String,
    /// `never`, `later` (unchanged), `new_credential`, or `unknown`: look before asking again.
    retry: String,
    /// What to do now.
    next: String,
    /// The ANS's code of a refusal that has one (900 to 905).
    refusal: Option<u16>,
}

/// A failure that is kept.
#[derive(Debug, ToSchema)]
pub(crate) struct Failure {
    /// How far it had come.
    stage: String,
    /// `never`, `later`, `new_credential`, `unknown`.
    retry: String,
    /// For a person.
    message: String,
}

/// Something that changed.
#[derive(Debug, ToSchema)]
pub(crate) struct Change {
    /// Counts up without gaps.
    seq: u64,
    /// What kind.
    kind: ChangeWord,
    /// What it is about.
    key: String,
    /// When.
    #[schema(format = DateTime)]
    at: String,
}

/// A mailbox.
#[derive(Debug, ToSchema)]
pub(crate) struct Mailbox {
    /// Its name here.
    key: String,
    /// Its address.
    address: String,
    /// Whose.
    kind: MailboxWord,
    /// As screens call it.
    label: String,
    /// How it is reached: servers (else by DNS SRV), authorities, the certificate's files; never a secret.
    #[schema(value_type = Object)]
    settings: Value,
    /// *Reprise depuis le*: mail received before is readable, and not *à traiter*.
    #[schema(format = DateTime)]
    since: String,
    /// *Dernière relève* that went well.
    #[schema(format = DateTime)]
    checked_at: Option<String>,
    /// By whom.
    checked_by: Option<String>,
    /// What went wrong the last time.
    failure: Option<Failure>,
    /// `not_live` (nobody is logged in who may open it), `connecting`, `synchronising`, `live`, `polling`, `waiting`,
    /// `stopped`; null where no connector runs.
    phase: Option<String>,
    /// When it is tried again, where it waits.
    #[schema(format = DateTime)]
    next_try: Option<String>,
    /// Who is logged in.
    by: Option<String>,
}

/// A document (or a mail without any) of the work list.
#[derive(Debug, ToSchema)]
pub(crate) struct Row {
    /// The document.
    key: String,
    /// Its mail.
    mail: String,
    /// The mailbox.
    mailbox: String,
    /// What it is made of.
    form: FormWord,
    /// What the sender asks to be done.
    action: ActionWord,
    /// Its type (JDV_J07).
    type_code: Option<String>,
    /// The type in words.
    type_label: String,
    /// Its title.
    title: String,
    /// Who made it.
    author: String,
    /// Their structure.
    organisation: String,
    /// When it was made.
    #[schema(format = DateTime)]
    made: Option<String>,
    /// Day of the act.
    #[schema(format = Date)]
    act_day: Option<String>,
    /// When its mail arrived.
    #[schema(format = DateTime)]
    received: String,
    /// Who sent it.
    provenance: ProvenanceWord,
    /// The patient as the document names them.
    patient_name: String,
    /// The patient's file that it is in.
    patient: Option<String>,
    /// What became of it.
    state: StateWord,
    /// How it stands among the others.
    standing: StandingWord,
    /// It holds a critical result.
    critical: bool,
    /// Somebody has taken it in charge.
    acknowledged: bool,
    /// `versionNumber`.
    version: Option<u32>,
    /// A replacement or a deletion waits for a decision about it.
    request: Option<String>,
    /// Of before *reprise depuis le*.
    history: bool,
    /// The person who asks has read it.
    read: bool,
    /// Who has put the medical *visa*.
    vised_by: Option<String>,
    /// To whom it is assigned.
    assigned: Option<String>,
    /// A note of the practice.
    note: Option<String>,
    /// How many documents of the mail are filed, and how many it has.
    #[schema(value_type = Vec<u32>, min_items = 2, max_items = 2)]
    of_mail: (u32, u32),
}

/// How many there are, in the mailboxes that were asked for.
#[derive(Debug, ToSchema)]
pub(crate) struct Counts {
    /// *À traiter*.
    to_do: u64,
    /// Filed.
    filed: u64,
    /// *Pas mon patient*.
    not_mine: u64,
    /// Put aside.
    dismissed: u64,
    /// Taken out of the file.
    deleted: u64,
    /// Of before *reprise depuis le*.
    history: u64,
    /// Not read by the person who asks.
    unread: u64,
    /// Critical, and nobody has taken it in charge.
    critical: u64,
    /// Requests that wait for a decision.
    requests: u64,
    /// Rows that the whole filter finds, counted up to 1 000.
    found: u64,
}

/// One version of a document.
#[derive(Debug, ToSchema)]
pub(crate) struct Version {
    /// The document.
    document: String,
    /// `versionNumber`.
    version: Option<u32>,
    /// When it was made.
    #[schema(format = DateTime)]
    made: Option<String>,
    /// When its mail arrived.
    #[schema(format = DateTime)]
    received: String,
    /// What became of it.
    state: StateWord,
    /// How it stood when it came.
    standing: StandingWord,
    /// A later one has taken its place.
    replaced: bool,
}

/// A mail, with what reading it told.
#[derive(Debug, ToSchema)]
pub(crate) struct Mail {
    /// Its name here.
    key: String,
    /// The mailbox.
    mailbox: String,
    /// The folder that it was last seen in.
    folder: String,
    /// Its UID there.
    uid: u32,
    /// When it arrived.
    #[schema(format = DateTime)]
    received: String,
    /// Of before *reprise depuis le*.
    history: bool,
    /// As on the server.
    flags: Vec<String>,
    /// It is no longer on the server.
    gone: bool,
    /// Octets; null before they are here.
    size: Option<u64>,
    /// Why they are not here, where fetching has failed.
    fetch_failure: Option<Failure>,
    /// How far reading has come.
    reading: ReadingWord,
    /// Why reading failed.
    read_failure: Option<Failure>,
    /// Message-ID.
    message_id: Option<String>,
    /// In-Reply-To.
    in_reply_to: Option<String>,
    /// Date, as the sender wrote it.
    #[schema(format = DateTime)]
    sent: Option<String>,
    /// The sender's address.
    sender: Option<String>,
    /// The sender's label, or a patient's name.
    sender_name: Option<String>,
    /// Who sent it.
    provenance: ProvenanceWord,
    /// The subject, without the mark of XDM.
    subject: String,
    /// The text, its beginning.
    text: String,
    /// What else it says: recipients, where receipts go, files, suggestions, problems.
    #[schema(value_type = Object)]
    facts: Value,
    /// Its documents.
    documents: Vec<String>,
}

/// A replacement or a deletion that a sender asks for.
#[derive(Debug, ToSchema)]
pub(crate) struct Request {
    /// Its name.
    key: String,
    /// Which.
    kind: RequestWord,
    /// The document that came with it.
    document: String,
    /// The document that it is about; null for an orphan.
    target: Option<String>,
    /// The ANS's code where it should not be obeyed (900, 901).
    code: Option<u16>,
    /// How far it has come.
    state: RequestStateWord,
    /// Why it was refused.
    reason: Option<String>,
    /// When the mail was read.
    #[schema(format = DateTime)]
    raised: String,
    /// Who has decided.
    decided_by: Option<String>,
    /// When.
    #[schema(format = DateTime)]
    decided_at: Option<String>,
    /// When the host confirmed; accepted is not yet effective.
    #[schema(format = DateTime)]
    effective_at: Option<String>,
}

/// A person of the practice.
#[derive(Debug, ToSchema)]
pub(crate) struct Person {
    /// Their name here.
    key: String,
    /// As screens and traces show them.
    name: String,
    /// What they are.
    role: PersonRoleWord,
    /// RPPS or ADELI with its prefix.
    national_id: Option<String>,
}

/// What a person may do in one mailbox.
#[derive(Debug, ToSchema)]
pub(crate) struct Right {
    /// Who.
    person: String,
    /// In which mailbox.
    mailbox: String,
    /// What.
    may: MayWord,
    /// For whom.
    behalf: Option<String>,
    /// The first day.
    #[schema(format = Date)]
    since: Option<String>,
    /// The last day, included.
    #[schema(format = Date)]
    until: Option<String>,
}

/// A patient's file.
#[derive(Debug, ToSchema)]
pub(crate) struct Patient {
    /// Its name here.
    key: String,
    /// Its name at the host.
    host_ref: Option<String>,
    /// Identity, status, former numbers.
    record: Record,
}

/// A professional of a care circle.
#[derive(Debug, ToSchema)]
pub(crate) struct Care {
    /// Its name here.
    key: String,
    /// RPPS, ADELI or FINESS with its prefix; may be empty.
    professional: String,
    /// As screens show them.
    name: String,
    /// In free words.
    role: String,
    /// The address that they are written to.
    address: Option<String>,
    /// The first day.
    #[schema(format = Date)]
    since: String,
    /// The last day, included.
    #[schema(format = Date)]
    until: Option<String>,
}

/// An identity and how sure it is.
#[derive(Debug, ToSchema)]
pub(crate) struct Record {
    /// Who.
    identity: Identity,
    /// `provisional`, `retrieved`, `validated`, `qualified` (RNIV). Nothing is filed without asking unless it is qualified.
    status: String,
    /// The numbers that the patient had before.
    former: Vec<Ins>,
    /// *Identité douteuse*.
    doubtful: bool,
    /// *Identité fictive*.
    fictitious: bool,
}

/// A patient's identity.
#[derive(Debug, ToSchema)]
pub(crate) struct Identity {
    /// The matricule INS, 15 characters.
    matricule: Option<String>,
    /// The OID that it stands under: matricule and OID are one key.
    oid: Option<String>,
    /// The traits.
    traits: Traits,
}

/// The traits of an identity, as the civil register writes them.
#[derive(Debug, ToSchema)]
pub(crate) struct Traits {
    /// Birth name.
    birth_name: Option<String>,
    /// First of the birth given names.
    first_given: Option<String>,
    /// All birth given names.
    given_names: Option<String>,
    /// `AAAAMMJJ`, `AAAAMM` or `AAAA`.
    birth_date: Option<String>,
    /// `M`, `F`, or `UN`.
    sex: Option<String>,
    /// COG code of the place of birth.
    birth_place: Option<String>,
    /// Name in use.
    used_name: Option<String>,
    /// Given name in use.
    used_given: Option<String>,
}

/// A number and its nature.
#[derive(Debug, ToSchema)]
pub(crate) struct Ins {
    /// The number.
    matricule: String,
    /// What kind of number.
    nature: String,
}

/// Where a document belongs, and why.
#[derive(Debug, ToSchema)]
pub(crate) struct Proposal {
    /// `decision` (`file`, `confirm`, `conflict`, `duplicates`, `choose`, `unknown`, with places in `patients`), `reasons`,
    /// and `candidates` compared trait by trait.
    #[schema(value_type = Object)]
    matched: Value,
    /// The candidates, in the order that `matched` counts.
    patients: Vec<Patient>,
}

/// A line of the functional trace (SC.MSS/CONF.17, CONF.18, UX.37).
#[derive(Debug, ToSchema)]
pub(crate) struct Trace {
    /// Counts up.
    seq: u64,
    /// When.
    #[schema(format = DateTime)]
    at: String,
    /// Who.
    author: String,
    /// On whose behalf.
    behalf: Option<String>,
    /// What.
    act: String,
    /// About which document.
    document: Option<String>,
    /// In which mailbox.
    mailbox: Option<String>,
    /// `done`, `refused`, `failed`, `unknown`.
    outcome: String,
    /// What was asked.
    request: String,
    /// What was answered.
    answer: String,
    /// SHA-256 of the line before and this one.
    chain: String,
}
