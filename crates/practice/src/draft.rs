//! From the octets of a mail to what is to be written of it: pure, so that every trigger yields the same rows.

use ins::{Identity, Traits};
use jiff::tz::TimeZone;
use kernel::Timestamp;
use memchr::memmem;
use mss::{Interpreted, ReceivedDocument, Report, Sender, Suggested};
use serde::{Deserialize, Serialize};

use crate::columns::millis;
use crate::versions::Marks;
use crate::{Action, FileFact, Form, MailFacts, Provenance};

mod files;

/// Rows that one mail may make: a hostile one shall not fill a work list.
const ROWS: usize = 200;
/// Characters of the text that are kept beside the mail; all of it is in the mail.
const TEXT: usize = 20_000;
/// Characters of a title, a name, an identifier.
const LINE: usize = 300;
/// The title of a mail without any.
const NO_SUBJECT: &str = "Message sans objet";

/// What is to be written of a mail.
#[derive(Clone, Debug)]
pub(crate) struct MailDraft {
    pub(crate) message_id: Option<String>,
    pub(crate) in_reply_to: Option<String>,
    pub(crate) sent: Option<i64>,
    pub(crate) sender: Option<String>,
    pub(crate) sender_name: Option<String>,
    pub(crate) provenance: Provenance,
    pub(crate) subject: String,
    pub(crate) text: String,
    pub(crate) facts: MailFacts,
    /// At least one, but for reports: those belong to a mail that was sent, and are no work.
    pub(crate) documents: Vec<DocumentDraft>,
}

/// What is to be written of a document.
#[derive(Clone, Debug)]
pub(crate) struct DocumentDraft {
    /// Its file's place in the mail.
    pub(crate) part: i64,
    /// Its path in the archive, or its file's name.
    pub(crate) path: String,
    pub(crate) form: Form,
    pub(crate) action: Action,
    pub(crate) type_code: Option<String>,
    pub(crate) type_label: String,
    pub(crate) title: String,
    pub(crate) author: String,
    pub(crate) author_id: Option<String>,
    pub(crate) made: Option<i64>,
    pub(crate) act_day: Option<String>,
    pub(crate) marks: Marks,
    pub(crate) critical: bool,
    pub(crate) masking: i64,
    pub(crate) identity: Identity,
    pub(crate) patient_name: String,
    pub(crate) facts: DocumentFacts,
}

/// What a document's row keeps besides.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct DocumentFacts {
    /// It is, or holds, a PDF.
    pub(crate) pdf: bool,
    /// What could not be read, in English.
    pub(crate) problems: Vec<String>,
}

impl DocumentDraft {
    /// What the search looks in.
    pub(crate) fn folded(&self) -> String {
        let words =
            [&self.title, &self.patient_name, &self.author, &self.marks.organisation, &self.type_label];
        crate::list::fold(words.map(String::as_str))
    }

    /// Matricule and OID, where the two make an INS.
    pub(crate) fn ins(&self) -> Option<(&str, &str)> {
        self.identity.nature()?;
        Some((self.identity.matricule.as_ref()?.as_str(), self.identity.oid.as_deref()?.trim()))
    }
}

/// Reads a mail. Never fails: what cannot be read is said in the facts.
pub(crate) fn read(bytes: &[u8], senders: &mss::Settings, zone: &TimeZone) -> MailDraft {
    let mail = mss::interpret_with(bytes, senders);
    let sender =
        mail.from.as_ref().and_then(|from| from.address.as_ref()).map(|one| one.as_str().to_lowercase());
    let sender_name = match &mail.sender {
        Sender::Patient(patient) => Some(patient.to_string()),
        _ => mail.from.as_ref().map(|from| from.label.clone()),
    };
    let documents = match mail.report {
        Some(_) => Vec::new(),
        None => documents(&mail, bytes, sender.as_deref(), zone),
    };
    MailDraft {
        message_id: mail.message_id.as_ref().map(|id| line(id.as_str())),
        in_reply_to: mail.in_reply_to.as_ref().map(|id| line(id.as_str())),
        sent: mail.date.map(millis),
        sender: sender.map(|sender| line(&sender)),
        sender_name: sender_name.map(|name| line(&name)).filter(|name| !name.is_empty()),
        provenance: provenance(&mail.sender),
        subject: line(&mail.shown_subject),
        text: mail.text.chars().filter(|c| !c.is_control() || "\n\t".contains(*c)).take(TEXT).collect(),
        facts: facts(&mail),
        documents,
    }
}

/// What a mail that could not be read for technical reasons is shown as: it is never left out of the list.
pub(crate) fn unread(sha256: &str) -> DocumentDraft {
    DocumentDraft {
        title: "Message illisible".into(),
        marks: Marks { sha256: sha256.to_owned(), ..Marks::default() },
        ..DocumentDraft::empty(Form::Mail)
    }
}

impl DocumentDraft {
    fn empty(form: Form) -> Self {
        Self {
            part: 0,
            path: String::new(),
            form,
            action: Action::Create,
            type_code: None,
            type_label: String::new(),
            title: String::new(),
            author: String::new(),
            author_id: None,
            made: None,
            act_day: None,
            marks: Marks::default(),
            critical: false,
            masking: 0,
            identity: Identity::default(),
            patient_name: String::new(),
            facts: DocumentFacts::default(),
        }
    }
}

fn provenance(sender: &Sender) -> Provenance {
    match sender {
        Sender::Patient(_) => Provenance::Patient,
        Sender::Application => Provenance::Application,
        Sender::Operator => Provenance::Operator,
        Sender::Professional => Provenance::Professional,
        Sender::Unknown => Provenance::Unknown,
    }
}

fn facts(mail: &Interpreted) -> MailFacts {
    let shown = |mailbox: &mss::Mailbox| line(&mailbox.raw);
    MailFacts {
        recipients: mail.to.iter().chain(&mail.cc).take(100).map(shown).collect(),
        reply_to: mail.reply_to.as_ref().map(shown),
        receipt_to: mail
            .receipt_request
            .iter()
            .flat_map(|request| &request.to)
            .take(10)
            .map(|address| line(address.as_str()))
            .collect(),
        replaces: mail.replaces,
        closes_exchange: mail.closes_exchange,
        report: mail.report.as_ref().map(|report| {
            match report {
                Report::Mdn(_) => "mdn",
                Report::Dsn(_) => "dsn",
                Report::Bounce(_) => "bounce",
            }
            .to_owned()
        }),
        files: mail
            .attachments
            .iter()
            .take(ROWS)
            .map(|file| FileFact {
                name: line(&file.safe_name()),
                kind: file.kind,
                size: file.bytes.len() as u64,
                part: u32::try_from(file.part).unwrap_or(u32::MAX),
            })
            .collect(),
        suggestions: mail.suggestions.iter().take(50).cloned().collect(),
        problems: mail.problems.iter().take(50).map(|problem| line(&problem.to_string())).collect(),
    }
}

/// The rows of a mail. Where it has documents of health, those: the PDF beside an archive is a copy of what is in it
/// (ECO.2.1.5). Else its files; else the mail itself.
fn documents(mail: &Interpreted, bytes: &[u8], sender: Option<&str>, zone: &TimeZone) -> Vec<DocumentDraft> {
    let mut found: Vec<DocumentDraft> =
        mail.documents.iter().take(ROWS).map(|one| document(mail, one, zone)).collect();
    if !found.iter().any(|one| one.form == Form::Cda) {
        found.extend(files::rows(mail, zone));
    }
    if found.is_empty() {
        found.push(whole(mail, bytes));
    }
    found.truncate(ROWS);
    for one in &mut found {
        one.marks.sender = sender.map(str::to_owned);
    }
    found
}

/// A document of an archive, or a CDA that came bare.
fn document(mail: &Interpreted, received: &ReceivedDocument, zone: &TimeZone) -> DocumentDraft {
    let part = mail.attachments.get(received.attachment).map_or(0, |file| file.part);
    let pdf = received.bytes.starts_with(b"%PDF-");
    let mut draft = DocumentDraft {
        part: i64::try_from(part).unwrap_or(0),
        path: line(&received.path),
        action: match received.action {
            mss::Action::Create => Action::Create,
            mss::Action::Replace => Action::Replace,
            mss::Action::Delete => Action::Delete,
        },
        type_code: received.type_code.as_deref().map(line),
        title: line(&received.title),
        marks: Marks { sha256: kernel::sha256_hex(&received.bytes), ..Marks::default() },
        facts: DocumentFacts { pdf, problems: Vec::new() },
        ..DocumentDraft::empty(if pdf { Form::Pdf } else { Form::File })
    };
    if received.looks_like_cda() {
        match read_cda(&received.bytes) {
            Ok((header, critical)) => draft.describe(&header, critical, zone),
            Err(error) => draft.facts.problems.push(line(&error.to_string())),
        }
    } else if received.is_xml() {
        draft.facts.problems.push("this is no CDA document".into());
    }
    if draft.title.is_empty() {
        draft.title = [&draft.type_label, &draft.path]
            .into_iter()
            .find(|text| !text.is_empty())
            .map_or_else(|| line(&mail.shown_subject), Clone::clone);
    }
    if draft.title.is_empty() {
        draft.title = NO_SUBJECT.into();
    }
    draft
}

/// Header, and whether a result is critical. The body is read for results only where the word for their interpretation
/// stands in the octets; a document of two octets a character is read whole.
fn read_cda(bytes: &[u8]) -> Result<(cda::Document, bool), cda::Error> {
    let wide = bytes.iter().take(64).any(|&b| b == 0);
    if wide || memmem::find(bytes, b"interpretationCode").is_some() {
        let whole = cda::read_whole(bytes)?;
        let critical = whole.laboratory.critical().next().is_some();
        return Ok((whole.header, critical));
    }
    Ok((cda::read(bytes)?, false))
}

impl DocumentDraft {
    fn describe(&mut self, header: &cda::Document, critical: bool, zone: &TimeZone) {
        self.form = Form::Cda;
        if let Some(code) = &header.code {
            self.type_code = Some(line(&code.code));
        }
        self.type_label = line(&mss::type_label(header));
        if !header.title.trim().is_empty() {
            self.title = line(&header.title);
        }
        let author = header.authors.iter().find(|author| !author.device).or(header.authors.first());
        if let Some(author) = author {
            self.author = line(&format!("{} {}", author.given, author.family));
            self.author_id = author.id.as_ref().and_then(identifier);
        }
        let structure = author.and_then(|author| author.organisation.as_ref()).or(header.custodian.as_ref());
        if let Some(structure) = structure {
            self.marks.organisation = line(&structure.name);
            self.marks.organisation_id = structure.id.as_ref().and_then(identifier);
        }
        self.made = header.effective_time.as_ref().and_then(|time| instant_of(time, zone)).map(millis);
        let start =
            header.service_start().or_else(|| header.encounter.as_ref().and_then(|one| one.start.as_ref()));
        self.act_day = start.and_then(|time| day_of(time, zone));
        self.marks.cda_id = header.id.as_ref().and_then(identifier);
        self.marks.set_id = header.set_id.as_ref().and_then(identifier);
        self.marks.version = header.version.map(i64::from);
        self.marks.replaces_id = header.replaces.as_ref().and_then(identifier);
        self.critical = critical;
        let masking = cda::Masking::of(&header.confidentialities);
        self.masking = i64::from(masking.restricted)
            | i64::from(masking.professionals) << 1
            | i64::from(masking.patient) << 2
            | i64::from(masking.representatives) << 3;
        self.patient_name = name_of(&header.patient.traits);
        self.identity = header.patient.clone();
        self.facts.pdf = header.pdf().is_some();
        self.facts.problems = header.problems.iter().take(20).map(|problem| line(problem)).collect();
    }
}

/// The mail as its own document.
fn whole(mail: &Interpreted, bytes: &[u8]) -> DocumentDraft {
    let mut draft = DocumentDraft::empty(Form::Mail);
    draft.marks.sha256 = kernel::sha256_hex(bytes);
    draft.guess(mail);
    draft
}

impl DocumentDraft {
    /// What a mail says of patient and document without a structured document. The traits that come of it have no number,
    /// so that nothing is ever filed on them without a person.
    fn guess(&mut self, mail: &Interpreted) {
        self.title = [line(&mail.shown_subject), NO_SUBJECT.to_owned()]
            .into_iter()
            .find(|title| !title.is_empty())
            .unwrap_or_default();
        self.author = mail.from.as_ref().map(|from| line(&from.label)).unwrap_or_default();
        self.made = mail.date.map(millis);
        self.identity.traits = Traits {
            birth_name: one_of(mail, Suggested::FamilyName),
            first_given: one_of(mail, Suggested::GivenName),
            birth_date: one_of(mail, Suggested::BirthDate).and_then(|date| ins::BirthDate::parse(&date)),
            ..Traits::default()
        };
        self.patient_name = name_of(&self.identity.traits);
        self.type_label = one_of(mail, Suggested::DocumentType).unwrap_or_default();
    }
}

/// What is suggested, where all who suggest it agree.
fn one_of(mail: &Interpreted, what: Suggested) -> Option<String> {
    let mut all = mail.suggestions.iter().filter(|suggestion| suggestion.what == what);
    let first = all.next()?;
    let agree = all.all(|other| ins::folded(&other.value) == ins::folded(&first.value));
    agree.then(|| line(&first.value))
}

/// `NOM Prénom`, by birth where the birth name is said.
fn name_of(traits: &Traits) -> String {
    let family = traits.birth_name.as_deref().or(traits.used_name.as_deref()).unwrap_or_default();
    let given = [&traits.first_given, &traits.used_given, &traits.given_names];
    let given = given.into_iter().find_map(Option::as_deref).unwrap_or_default();
    line(&format!("{} {given}", family.to_uppercase()))
}

/// An identifier to compare by: UUIDs are told in either case.
fn identifier(id: &cda::Id) -> Option<String> {
    let text = line(&id.to_string());
    let uuid = id.root.contains('-');
    (!text.is_empty()).then(|| if uuid { text.to_ascii_lowercase() } else { text })
}

/// On one line, of a bounded length, without what a database refuses.
fn line(text: &str) -> String {
    mss::one_line(text).chars().take(LINE).collect()
}

/// The instant of an HL7 time. One without an offset is in the practice's own zone: most senders are in it.
fn instant_of(time: &cda::Time, zone: &TimeZone) -> Option<Timestamp> {
    let at = time.timestamp()?;
    if time.as_str().contains(['+', '-']) {
        return Some(at);
    }
    let civil = TimeZone::UTC.to_datetime(at);
    zone.to_ambiguous_zoned(civil).compatible().ok().map(|zoned| zoned.timestamp())
}

/// The day of an HL7 time in the practice's zone, `YYYY-MM-DD`; `None` where it is coarser than a day.
fn day_of(time: &cda::Time, zone: &TimeZone) -> Option<String> {
    let written = time.day()?;
    let hours = time.as_str().bytes().take_while(u8::is_ascii_digit).count() > 8;
    if hours && time.as_str().contains(['+', '-']) {
        return Some(zone.to_datetime(time.timestamp()?).date().to_string());
    }
    let date = jiff::civil::date;
    let (year, month, day) =
        (written[..4].parse().ok()?, written[4..6].parse().ok()?, written[6..8].parse().ok()?);
    (1..=12).contains(&month).then_some(())?;
    let first = date(year, month, 1);
    (1..=first.days_in_month()).contains(&day).then(|| date(year, month, day).to_string())
}

#[cfg(test)]
mod tests;
