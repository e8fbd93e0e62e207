//! A mail: its headers, its archive, the PDF files beside it.

use cda::Document;
use mss::{
    Attachment, Carried, CarriedDocument, FileKind, Interpreted, Mailbox, MessageId, ReceivedArchive, Sender,
    Settings, Unopened,
};

use super::archive::Entry;
use super::document::Read;
use super::finding::{Findings, Severity};
use super::{At, Facts, archive, names, pdf, shape};
use crate::indicators::of_mail;
use crate::{Outcome, Text};

const ARCHIVE: &str = "MSS/va1.01";

pub(super) fn inspect(bytes: &[u8], settings: &Settings, findings: &mut Findings) -> Facts {
    let mail = mss::interpret_with(bytes, settings);
    shape::problems(&mail.problems, findings);
    if mail.parts.is_empty() {
        return Facts::default();
    }
    let archives: Vec<&ReceivedArchive> = mail.archives.iter().filter(|archive| !archive.nested).collect();
    if archives.len() > 1 {
        let message = Text::new(
            "Le message porte plusieurs archives IHE_XDM : une seule est permise.",
            "The mail carries several IHE_XDM archives: one is allowed.",
        );
        findings.error(ARCHIVE, ("1", &archives.len().to_string()), At::default(), message);
    }
    let mut read: Vec<Read> = Vec::new();
    for received in &archives {
        let file = &mail.attachments[received.attachment];
        findings.part = Some(shape::number(&mail.parts, file.part));
        match &received.outcome {
            Ok(opened) => {
                let own = (0..).zip(&mail.documents).filter(|(_, of)| of.attachment == received.attachment);
                let entries: Vec<Entry<'_>> = own.map(Entry::from).collect();
                read.extend(archive::judge(&opened.files, &opened.problems, &entries, findings));
            }
            Err(Unopened::Refused(error)) => archive::refused(error, findings, false),
            Err(_) => {} // the number of archives is told
        }
        archive_name(file, findings);
        findings.part = None;
    }
    bare(&mail, &mut read, findings);
    // What a patient or a server wrote is no mail of an LPS.
    if !matches!(mail.sender, Sender::Patient(_) | Sender::Operator) {
        headers(bytes, &mail, &read, settings, findings);
        subject(bytes, &mail, &read, archives.len(), findings);
        if mail.report.is_none() {
            shape::texts(&mail.parts, findings);
            if !archives.is_empty() {
                pdfs(&mail, &read, findings);
            }
        }
    }
    Facts { documents: read.into_iter().map(|read| read.facts).collect() }
}

fn archive_name(file: &Attachment, findings: &mut Findings) {
    let name = file.name.as_deref().unwrap_or_default();
    if name != xdm::FILE_NAME {
        let message = Text::new(
            "L’archive jointe s’appelle IHE_XDM.zip : les destinataires la reconnaissent à son nom.",
            "The archive attached is called IHE_XDM.zip: recipients know it by its name.",
        );
        let severity =
            if name.eq_ignore_ascii_case(xdm::FILE_NAME) { Severity::Warning } else { Severity::Error };
        findings.add((ARCHIVE, severity), (xdm::FILE_NAME, name), At::entry(name), message);
    }
}

/// CDA documents without archive.
fn bare(mail: &Interpreted, read: &mut Vec<Read>, findings: &mut Findings) {
    let of = |at: usize| mail.attachments.get(at).filter(|file| file.kind == FileKind::Cda && !file.nested);
    for (index, document) in mail.documents.iter().enumerate() {
        let Some(file) = of(document.attachment) else { continue };
        findings.part = Some(shape::number(&mail.parts, file.part));
        let message = Text::new(
            "Un document CDA est joint sans archive IHE_XDM : le destinataire n’en lira pas les métadonnées.",
            "A CDA document is attached without an IHE_XDM archive: the recipient cannot read its metadata.",
        );
        findings.error(ARCHIVE, (xdm::FILE_NAME, &document.path), At::entry(&document.path), message);
        let found = super::document::read(&document.path, document.action, &document.bytes, findings, false);
        findings.part = None;
        read.extend(found.map(|found| Read { index, ..found }));
    }
}

fn headers(bytes: &[u8], mail: &Interpreted, read: &[Read], settings: &Settings, findings: &mut Findings) {
    let to_patient = mail.to.iter().chain(&mail.cc).any(|to| may_be_patient(to, settings));
    let carried =
        Carried::read_by(mail, |index, document| match read.iter().find(|read| read.index == index) {
            Some(read) => Ok(CarriedDocument::new(document, &read.whole.header)),
            None => document.read().map(|header| CarriedDocument::new(document, &header)),
        });
    for (rule, name, held) in of_mail(bytes, &carried, to_patient) {
        let severity = match held.outcome {
            Outcome::Failed => Severity::Error,
            Outcome::Inconclusive => Severity::Warning,
            // A pass with a remark says more than the value expected.
            Outcome::Passed if held.received.fr.contains(" ; remarque : ") => Severity::Warning,
            Outcome::Passed => continue,
        };
        let line = |expected: &str, received: &str, next: &str, words: [&str; 2]| {
            format!("{}{expected}. {}{received}. {next}", words[0], words[1]).trim_end().to_owned()
        };
        let message = Text::new(
            line(&held.expected.fr, &held.received.fr, &held.next.fr, ["Attendu : ", "Reçu : "]),
            line(&held.expected.en, &held.received.en, &held.next.en, ["Expected: ", "Received: "]),
        );
        let at = At::header(bytes, name, held.nth);
        findings.add((rule, severity), (&held.expected.fr, &held.received.fr), at, message);
    }
    message_id(bytes, findings);
    sender(bytes, mail, findings);
}

/// A patient's address, or one with a matricule's digits before the `@` in a domain that the settings do not name: a test
/// space may write its patients so, and a doubt fails nobody. Of a sender there is no such doubt, because mailboxes of
/// applications have as many digits.
fn may_be_patient(mailbox: &Mailbox, settings: &Settings) -> bool {
    mailbox.address.as_ref().is_some_and(|address| {
        let local = address.local_part();
        settings.is_patient(address) || (local.len() >= 15 && local.bytes().all(|byte| byte.is_ascii_digit()))
    })
}

fn message_id(bytes: &[u8], findings: &mut Findings) {
    let values = mss::header_values(bytes, "Message-ID");
    let right = |value: &str| {
        let value = value.trim();
        value.starts_with('<')
            && value.ends_with('>')
            && MessageId::parse(value).is_ok_and(|id| {
                id.as_str().split_once('@').is_some_and(|(left, right)| !left.is_empty() && !right.is_empty())
            })
    };
    if !matches!(values.as_slice(), [one] if right(one)) {
        let message = Text::new(
            "Chaque message porte un Message-ID, un seul, de la forme <unique@domaine>.",
            "Every mail carries one Message-ID, one only, of the form <unique@domain>.",
        );
        let at = At::header(bytes, "Message-ID", usize::from(values.len() > 1));
        findings.error("MSS/va1.12", ("<unique@domaine>", &values.join(" | ")), at, message);
    }
}

fn sender(bytes: &[u8], mail: &Interpreted, findings: &mut Findings) {
    let label = mail.from.as_ref().map(|from| from.label.trim()).unwrap_or_default();
    let address = mail.from.as_ref().map(|from| from.raw.as_str()).unwrap_or_default();
    if label.is_empty() || label.eq_ignore_ascii_case(address) {
        let message = Text::new(
            "L’adresse de l’émetteur n’a pas de libellé parlant : Dr_Marie_MARTIN_Cabinet, ou le nom de l’entité.",
            "The sender's address has no meaningful label: Dr_Marie_MARTIN_Cabinet, or the entity's name.",
        );
        let expected = "Titre_Prénom_NOM_Entité <adresse>";
        findings.error("MSS/va1.16", (expected, address), At::header(bytes, "From", 0), message);
    }
}

fn subject(bytes: &[u8], mail: &Interpreted, read: &[Read], archives: usize, findings: &mut Findings) {
    const RULE: &str = "ECO.2.1.3";
    let at = At::header(bytes, "Subject", 0);
    if archives == 0 {
        if mail.marked && mail.report.is_none() {
            let message = Text::new(
                "L’objet annonce une archive (XDM/1.0/DDM) que le message ne porte pas.",
                "The subject announces an archive (XDM/1.0/DDM) that the mail does not carry.",
            );
            findings.warning(RULE, ("objet libre", &mail.subject), at, message);
        }
        return;
    }
    let headers: Vec<&Document> = read.iter().map(|read| &read.whole.header).collect();
    let Some(held) = names::subject(&mail.subject, &headers) else {
        if !mail.marked {
            let message = Text::new(
                "L’objet d’un message à archive commence par XDM/1.0/DDM+.",
                "The subject of a mail with an archive begins with XDM/1.0/DDM+.",
            );
            findings.error(RULE, ("XDM/1.0/DDM+", &mail.subject), at, message);
        }
        return;
    };
    let (severity, fr, en) = match held {
        names::Subject::Right => return,
        names::Subject::Label => (
            Severity::Warning,
            "Le libellé de l’objet n’est pas celui du type de document, coupé à 40 caractères (ou « N documents »).",
            "The label of the subject is not that of the document's type, cut at 40 characters (or “N documents”).",
        ),
        names::Subject::Marker => (
            Severity::Error,
            "L’objet d’un message à archive commence par XDM/1.0/DDM+, sans rien avant ni espace après.",
            "The subject of a mail with an archive begins with XDM/1.0/DDM+, with nothing before and no space after.",
        ),
        names::Subject::Patient => (
            Severity::Error,
            "L’objet finit par NOM prénom et date de naissance du patient du document : nom en capitales, sans accents, JJ/MM/AAAA.",
            "The subject ends with NAME, given name and birth date of the document's patient: name in capitals, without accents, JJ/MM/AAAA.",
        ),
    };
    let expected = names::expected_subject(&headers).unwrap_or_default();
    findings.add((RULE, severity), (&expected, &mail.subject), at, Text::new(fr, en));
}

/// One PDF/A-1 for each CDA document (MSS/va1.01), named by it (ECO.2.1.6), and the embedded one where the document is a PDF
/// (ECO.2.1.5). Other PDF files may go along.
fn pdfs(mail: &Interpreted, read: &[Read], findings: &mut Findings) {
    let of_mail = |file: &&Attachment| !file.nested && file.kind == FileKind::Pdf;
    let files: Vec<&Attachment> = mail.attachments.iter().filter(of_mail).collect();
    if files.len() < read.len() {
        let message = Text::new(
            "Chaque document CDA de l’archive est aussi joint au message en PDF/A-1 : il en manque.",
            "Each CDA document of the archive is attached to the mail as PDF/A-1 too: some are missing.",
        );
        let values = (&*format!("{} PDF", read.len()), &*format!("{} PDF", files.len()));
        findings.error(ARCHIVE, values, At::default(), message);
    }
    for file in &files {
        findings.part = Some(shape::number(&mail.parts, file.part));
        pdf::judge(&file.safe_name(), &file.bytes, findings);
        findings.part = None;
    }
    if files.is_empty() {
        return;
    }
    let listed = files.iter().map(|file| file.name.as_deref().unwrap_or("?")).collect::<Vec<_>>().join(", ");
    for Read { facts, whole, .. } in read {
        let document = &whole.header;
        let named = |labelled: bool| {
            files.iter().any(|file| {
                file.name.as_deref().is_some_and(|name| names::is_pdf_name(name, document, labelled))
            })
        };
        if !named(true) {
            let severity = if named(false) { Severity::Warning } else { Severity::Error };
            let message = Text::new(
                "Aucun PDF joint n’a le nom attendu pour ce document : date de l’acte, type, NOM, prénom.",
                "No PDF attached has the name expected for this document: date of the act, type, NAME, given name.",
            );
            let values = (&*names::expected_pdf(document), &*listed);
            findings.add(("ECO.2.1.6", severity), values, At::entry(&facts.file), message);
        }
        let embedded = document.pdf().filter(|_| document.level == cda::Level::N1);
        if embedded.is_some_and(|pdf| !files.iter().any(|file| file.bytes == pdf)) {
            let message = Text::new(
                "Le document est un PDF dans un CDA (niveau 1) : le PDF joint doit être le même, octet pour octet.",
                "The document is a PDF in a CDA (level 1): the PDF attached must be the same, byte for byte.",
            );
            let values = ("le PDF du document", &*listed);
            findings.error("ECO.2.1.5", values, At::entry(&facts.file), message);
        }
    }
}
