//! What a run prepares for its client: recipients of its own, documents to send, a message to answer.
//!
//! Everything drawn by lot comes from the seed and the run's number, so that the same run asks for the same thing. The
//! patients are nobody: their matricules stand under the OID of tests.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use ins::{BirthDate, Identity, Matricule, Nature, Sex, Traits};
use kernel::Rng;
use mailstore::{Delivery, Flags};
use mss::{Address, Draft, Label, MessageId};

use crate::Shared;
use crate::error::{Code, Error};
use crate::judge::{Handed, Marks};
use crate::lookup::Sought;
use crate::product::write_private;
use crate::scenario::{DocumentKind, Recipient, Step, Verb};
use crate::window::Order;

/// Domain of patients' mailboxes at Mon espace santé (spec 01 §5).
const PATIENTS: &str = "patient.mssante.fr";
/// MOTCO2's own patient address, as the webinar shows it: what a person is asked to write to.
const MOTCO2_PATIENT: &str = "184131175";
/// Body of the matricule of the patient that a person is asked to write to.
const PERSON_PATIENT: &str = "2800199351001";
/// Identifier of the organisation whose mailbox several people may open.
const SHARED: &str = "banc-organisation";

/// Everything prepared for one run; what it put up is taken down when it is dropped.
pub(crate) struct Props {
    /// What recognises the run's own traffic.
    pub(crate) marks: Marks,
    /// The run's folder.
    pub(crate) work_dir: WorkDir,
    /// One for each step that sends, in order.
    pub(crate) messages: Vec<Message>,
    /// Message-ID of the message to answer.
    pub(crate) original: Option<String>,
    /// The run that proves the positive control.
    pub(crate) control: Option<i64>,
    /// The ports of the steps that had some of their own.
    pub(crate) doors: BTreeMap<String, Vec<u16>>,
    /// When those steps began.
    pub(crate) began: BTreeMap<String, kernel::Timestamp>,
    /// What the steps handed out whose token is judged.
    pub(crate) handed: BTreeMap<String, Handed>,
    /// The other mailbox that the same person may open, where a step is about one.
    pub(crate) shared: Option<String>,
    /// Whom the steps are about that look somebody up.
    pub(crate) sought: BTreeMap<String, Sought>,
    bench: Arc<Shared>,
    aliases: Vec<String>,
}

/// What one step is to send.
pub(crate) struct Message {
    /// To whom.
    pub(crate) recipient: String,
    /// Text of the mail.
    pub(crate) text: String,
    /// Documents to attach.
    pub(crate) documents: Vec<HandedOut>,
}

/// A CDA document in the run's folder.
pub(crate) struct HandedOut {
    pub(crate) path: PathBuf,
    pub(crate) code: String,
    pub(crate) matricule: String,
    pub(crate) oid: Option<String>,
    pub(crate) qualified: bool,
}

impl Props {
    /// Prepares what the job's steps need.
    pub(crate) async fn prepare(bench: &Arc<Shared>, order: &Order) -> Result<Self, Error> {
        let operator = &bench.parts.operator;
        let mut rng = Rng::seeded(order.seed ^ order.number.cast_unsigned());
        let nonce = format!("r{}-{}", order.number, rng.mark());
        let mut props = Self {
            marks: Marks::default(),
            work_dir: WorkDir::make(bench.parts.data.join("work").join(format!("run-{}", order.number)))?,
            messages: Vec::new(),
            original: None,
            control: control(bench, order).await?,
            doors: BTreeMap::new(),
            began: BTreeMap::new(),
            handed: BTreeMap::new(),
            shared: shared(bench, order).await?,
            sought: BTreeMap::new(),
            bench: Arc::clone(bench),
            aliases: Vec::new(),
        };
        let by_adapter = order.adapter.is_some();
        if by_adapter {
            props.marks.nonce = Some(nonce.clone());
        }
        let deposits: u32 = order.scenario.step.iter().map(|step| step.deposit).sum();
        for place in 0..deposits {
            deposit(bench, order, &correspondent(operator.domain()), &format!("{nonce}-{place}")).await?;
        }
        let steps: Vec<Step> = order.scenario.mail_steps().cloned().collect();
        for (place, step) in steps.iter().enumerate() {
            let recipient = if by_adapter {
                let address = own_recipient(step.to, &mut rng, &nonce, place, operator.domain());
                operator.add_alias(&address, bench.sink);
                props.aliases.push(address.clone());
                address
            } else {
                person_recipient(step.to, order, operator.domain())
            };
            props.marks.recipients.push(recipient.clone());
            let documents = if by_adapter { props.hand_out(step, &mut rng)? } else { Vec::new() };
            let text =
                format!("Message du banc Vaguemestre, exécution n° {}.\nRepère : {nonce}\n", order.number);
            if step.adapter == Verb::Reply {
                let from = if by_adapter { recipient.clone() } else { correspondent(operator.domain()) };
                props.original = Some(deposit(bench, order, &from, &nonce).await?);
            }
            props.messages.push(Message { recipient, text, documents });
        }
        if by_adapter {
            props.seek(order, &nonce)?;
        }
        Ok(props)
    }

    /// Draws whom the steps are about that look somebody up: of a step that sends, the owner of its recipient.
    fn seek(&mut self, order: &Order, nonce: &str) -> Result<(), Error> {
        let domain = self.bench.parts.operator.domain();
        let mut recipients = self.messages.iter().map(|message| message.recipient.clone());
        let mut sought = BTreeMap::new();
        for (place, step) in (0_u64..).zip(&order.scenario.step) {
            let own = if step.mails() { recipients.next() } else { None };
            if step.query.is_empty() {
                continue;
            }
            let address = own.unwrap_or_else(|| format!("annuaire-{nonce}-{place}@{domain}"));
            let seed = order.seed ^ order.number.cast_unsigned() ^ place << 48;
            let person = Sought::draw(seed, &step.query, &address)
                .ok_or_else(|| Error::new(Code::BadInput, "nobody to look up was drawn", "Run it again."))?;
            sought.insert(step.id.clone(), person);
        }
        self.sought = sought;
        Ok(())
    }

    /// Writes the documents of a step into the run's folder.
    fn hand_out(&self, step: &Step, rng: &mut Rng) -> Result<Vec<HandedOut>, Error> {
        let patient = patient(rng);
        let mut all = Vec::new();
        for (place, kind) in step.documents.iter().enumerate() {
            let mut identity = patient.clone();
            if !kind.is_qualified() {
                identity.oid = None;
            }
            let root = cda::oid_of(u128::from(rng.draw()) << 64 | u128::from(rng.draw()));
            let draft = document(*kind, &root, identity.clone(), self.bench.parts.clock.now())?;
            let path = self.work_dir.path.join(format!("{}-{}.xml", step.id, place + 1));
            write_private(&path, &cda::write(&draft))?;
            all.push(HandedOut {
                path,
                code: draft.code.code.clone(),
                matricule: identity.matricule.as_ref().map(|m| m.as_str().to_owned()).unwrap_or_default(),
                oid: identity.oid.clone(),
                qualified: kind.is_qualified(),
            });
        }
        Ok(all)
    }

    /// Ready bytes for a client that cannot compose: what is proven then is its transport, and the verdict says so.
    pub(crate) fn canned(&self, order: &Order, step: &Step, message: &Message) -> Result<Vec<u8>, Error> {
        let (from, to) = (address(order.mailbox())?, address(&message.recipient)?);
        let mut draft = Draft::new(from, vec![to], order.product.nil.clone(), self.bench.parts.clock.now());
        draft.subject = format!("Vaguemestre, exécution n° {}", order.number);
        draft.text.clone_from(&message.text);
        draft.patient_close = step.close;
        draft.to_patient = step.to != Recipient::Bench;
        if let (Verb::Reply, Some(original)) = (step.adapter, &self.original) {
            draft.in_reply_to = MessageId::parse(original).ok();
        }
        for document in &message.documents {
            draft.documents.push(mss::Document::new(fs::read(&document.path)?));
        }
        mss::compose(&draft).map_err(unwritable)
    }
}

impl Drop for Props {
    fn drop(&mut self) {
        for alias in &self.aliases {
            self.bench.parts.operator.remove_alias(alias);
        }
    }
}

/// The addresses that persons are asked to write to; they lead to the bench's own mailbox for good.
pub(crate) fn standing_aliases(domain: &str) -> [String; 3] {
    [correspondent(domain), motco2_patient(domain), mes_patient()]
}

/// MOTCO2's patient on this domain.
pub(crate) fn motco2_patient(domain: &str) -> String {
    format!("{MOTCO2_PATIENT}@{domain}")
}

/// The patient at Mon espace santé.
pub(crate) fn mes_patient() -> String {
    let matricule = Matricule::from_body(PERSON_PATIENT).expect("thirteen digits make a matricule");
    format!("{}@{PATIENTS}", matricule.as_str())
}

fn correspondent(domain: &str) -> String {
    format!("banc@{domain}")
}

pub(crate) fn person_recipient(to: Recipient, order: &Order, domain: &str) -> String {
    match to {
        // The recipient is the sending mailbox itself, as in MOTCO2.
        Recipient::Bench => order.mailbox().to_owned(),
        Recipient::PatientMotco2 => motco2_patient(domain),
        Recipient::Patient => mes_patient(),
    }
}

fn own_recipient(to: Recipient, rng: &mut Rng, nonce: &str, place: usize, domain: &str) -> String {
    match to {
        Recipient::Bench if place == 0 => format!("banc-{nonce}@{domain}"),
        Recipient::Bench => format!("banc-{nonce}-{}@{domain}", place + 1),
        Recipient::PatientMotco2 => format!("18{:013}@{domain}", rng.below(10_u64.pow(13))),
        Recipient::Patient => format!("{}@{PATIENTS}", matricule(rng).as_str()),
    }
}

/// A matricule that nobody has: born in 1980, department 99, and digits drawn by lot.
fn matricule(rng: &mut Rng) -> Matricule {
    let drawn = format!("28001{:08}", 99_000_000 + rng.below(1_000_000));
    // Never the one that persons are asked to write to: its address must outlive the run.
    let body = if drawn == PERSON_PATIENT { "2800199351002".to_owned() } else { drawn };
    Matricule::from_body(&body).expect("thirteen digits make a matricule")
}

fn patient(rng: &mut Rng) -> Identity {
    Identity {
        matricule: Some(matricule(rng)),
        oid: Some(Nature::Test.oid().to_owned()),
        traits: Traits {
            birth_name: Some("TEST-VAGUEMESTRE".into()),
            first_given: Some("ADRIENNE".into()),
            given_names: Some("ADRIENNE MARIE".into()),
            birth_date: BirthDate::parse("19800115"),
            sex: Some(Sex::Female),
            birth_place: Some("99351".into()),
            ..Traits::default()
        },
    }
}

/// A document to hand out. The report is of level 1, its PDF a PDF/A-1b: a client that sends it as it is must pass.
fn document(
    kind: DocumentKind,
    id_root: &str,
    patient: Identity,
    time: kernel::Timestamp,
) -> Result<cda::Draft, Error> {
    match kind {
        DocumentKind::Letter | DocumentKind::Unqualified => {
            let mut draft = cda::Draft::small(cda::SmallKind::DischargeLetter, id_root, patient);
            (draft.time, draft.service_start) = (time, time);
            Ok(draft)
        }
        DocumentKind::Report => {
            let report = cda::Sample::NormalResults.draft(id_root, patient, time);
            pdfa::at_level_1(&report).map_err(unwritable)
        }
    }
}

fn address(text: &str) -> Result<Address, Error> {
    Address::parse(text).map_err(unwritable)
}

fn unwritable(why: impl std::fmt::Display) -> Error {
    Error::new(Code::BadInput, format!("the message could not be written: {why}"), "")
}

/// Puts a message to answer into the mailbox under test, and returns its Message-ID.
async fn deposit(bench: &Shared, order: &Order, from: &str, nonce: &str) -> Result<String, Error> {
    let (operator, now) = (&bench.parts.operator, bench.parts.clock.now());
    let domain = operator.domain();
    let id = |name: &str| MessageId::parse(&format!("<{name}-{nonce}@{domain}>")).map_err(unwritable);
    let mut draft = Draft::new(address(from)?, vec![address(order.mailbox())?], "banc", now);
    draft.label = Label::entity("Banc_Vaguemestre");
    draft.subject = format!("À répondre ({nonce})");
    draft.text = format!(
        "Message du banc Vaguemestre, exécution n° {}.\nMerci d’y répondre depuis votre logiciel.\n",
        order.number
    );
    draft.message_id = id("a-repondre")?;
    draft.references = vec![id("fil")?];
    let bytes = mss::compose(&draft).map_err(unwritable)?;
    let store = operator.store();
    let account = operator.mailbox(order.mailbox()).map(|mailbox| mailbox.account);
    let inbox = match account {
        Some(account) => store.folder(account, "INBOX").await?,
        None => None,
    };
    let Some(inbox) = inbox else {
        let message = format!("la boîte {} n’existe pas", order.mailbox());
        return Err(Error::new(Code::BadInput, message, "Enregistrer de nouveau le produit."));
    };
    let mut body = store.body();
    body.push(&bytes).await?;
    let mut unit = db::Unit::new();
    let delivery = Delivery {
        body: body.finish(),
        trace: bytes::Bytes::new(),
        folders: vec![inbox.id],
        flags: Flags::default(),
        internal_date: now,
    };
    store.deliver_into(&mut unit, delivery);
    store.db().commit(unit).await?;
    Ok(draft.message_id.to_string())
}

/// Where a step is about another mailbox of the same person: one of an organisation of the bench's own, which she may open
/// from now on. It is made once; that she may open it is taken back with the run.
async fn shared(bench: &Shared, order: &Order) -> Result<Option<String>, Error> {
    if !order.scenario.step.iter().any(|step| step.shared) {
        return Ok(None);
    }
    let operator = &bench.parts.operator;
    let mailbox = operator.add_mailbox(operator::Kind::Org, SHARED).await?;
    let rights = sasl::Rights::ALL;
    operator.authorise(&mailbox.address, &order.product.psc_identity, rights).await.map_err(unwritable)?;
    Ok(Some(mailbox.address))
}

/// The run that proves the positive control: itself where the control is one of its steps, else the newest run of the
/// control job by the same product that passed, at most ten minutes ago.
async fn control(bench: &Shared, order: &Order) -> Result<Option<i64>, Error> {
    let Some(control) = &order.scenario.control else { return Ok(None) };
    if order.scenario.has_own_control() {
        return Ok(Some(order.number));
    }
    let age = order.timing(bench).control_age;
    let since = bench.parts.clock.now() - age;
    crate::runs::last_passed(&bench.parts.db, &order.product.nil, control, since).await
}

/// A run's folder; removed at the end.
pub(crate) struct WorkDir {
    pub(crate) path: PathBuf,
}

impl WorkDir {
    fn make(path: PathBuf) -> Result<Self, Error> {
        fs::create_dir_all(&path).map_err(|error| {
            let message = format!("{} cannot be made: {error}", path.display());
            Error::new(Code::DataUnwritable, message, "Check the rights of the data directory.")
        })?;
        Ok(Self { path })
    }
}

impl Drop for WorkDir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use rules::inspect::{Finding, Severity, inspect};

    use super::*;

    fn told(name: &str, bytes: &[u8]) -> Vec<Finding> {
        let findings = inspect(name, bytes).findings.into_iter();
        findings.filter(|finding| finding.severity != Severity::Info).collect()
    }

    #[test]
    fn our_checker_has_nothing_to_say_of_what_is_handed_out() {
        let now: kernel::Timestamp = "2026-11-23T10:00:00Z".parse().unwrap();
        let mut rng = Rng::seeded(7);
        let patient = patient(&mut rng);
        for (kind, code) in [
            (DocumentKind::Letter, "11490-0"),
            (DocumentKind::Report, "11502-2"),
            (DocumentKind::Unqualified, "11490-0"),
        ] {
            let identity =
                if kind.is_qualified() { patient.clone() } else { Identity { oid: None, ..patient.clone() } };
            let draft = document(kind, "2.25.1", identity, now).unwrap();
            assert_eq!((draft.code.code.as_str(), draft.time, draft.service_start), (code, now, now));
            assert_eq!(matches!(draft.body, cda::Body::Pdf(_)), kind == DocumentKind::Report);
            let bytes = cda::write(&draft);
            let from = address("899700000018@banc.lab").unwrap();
            let mut mail = Draft::new(from, vec![address("banc-1@banc.lab").unwrap()], "2621", now);
            mail.label = Label::person(Some("Dr"), "Camille", "Essai", None);
            (mail.subject, mail.text) = ("Bonjour".into(), "Voici.".into());
            mail.documents = vec![mss::Document::new(bytes.clone())];
            for (name, bytes) in [("a.xml", bytes), ("a.eml", mss::compose(&mail).unwrap())] {
                let told = told(name, &bytes);
                // An INS without OID is that document's purpose.
                assert!(told.is_empty(), "{kind:?}, {name}: {told:#?}");
            }
        }
    }
}
