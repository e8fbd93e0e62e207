//! Mails as senders make them: real CDA documents in real archives.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cda::{Draft, Id, Organisation, Sample};
use ins::{BirthDate, Identity, Matricule, Nature, Sex, Traits};
use xdm::{Action, Submission, SubmissionDocument};

/// The published patient of tests.
pub(crate) fn patient() -> Identity {
    let born = BirthDate::parse("19790328").unwrap();
    let traits = Traits::strict("PAT-TROIS", "DOMINIQUE MARIE-LOUISE", born, Sex::Female, "51215");
    Identity::new(Matricule::from_body("2790351215189").unwrap(), Nature::Test, traits)
}

/// Version `version` of a set: its root ends in the version, and it names the one before.
pub(crate) fn version(set: u32, version: u32) -> Draft {
    let root = |version: u32| format!("1.2.250.1.999.{set}.{version}");
    let mut draft = Sample::DischargeLetter.draft(&root(version), patient(), crate::start());
    draft.set_id = format!("1.2.250.1.999.{set}");
    draft.version = version;
    draft.replaces = (version > 1).then(|| Id::root(root(version - 1)));
    draft.author.organisation = Some(Organisation {
        id: Some(Id::new(cda::STRUCTURES, "1000000002")),
        name: "Clinique d'essai".into(),
    });
    draft
}

/// Octets of a document.
pub(crate) fn document(set: u32, number: u32) -> Vec<u8> {
    cda::write(&version(set, number))
}

/// A mail with one archive.
pub(crate) fn mail(documents: Vec<(Vec<u8>, Action)>) -> Vec<u8> {
    mail_from("labo@lab.mssante.fr", "XDM/1.0/DDM+Lettre PAT-TROIS DOMINIQUE 28/03/1979", documents)
}

/// The same from somebody else, with another subject.
pub(crate) fn mail_from(from: &str, subject: &str, documents: Vec<(Vec<u8>, Action)>) -> Vec<u8> {
    let documents =
        documents.into_iter().map(|(bytes, action)| SubmissionDocument { bytes, action }).collect();
    let archive = Submission { documents, time: crate::start(), author: None }.write().unwrap();
    with_file(from, subject, "application/zip", "IHE_XDM.zip", &archive)
}

/// A mail with one file.
pub(crate) fn with_file(from: &str, subject: &str, kind: &str, name: &str, bytes: &[u8]) -> Vec<u8> {
    let body: String = STANDARD
        .encode(bytes)
        .as_bytes()
        .chunks(76)
        .map(|line| format!("{}\r\n", std::str::from_utf8(line).unwrap()))
        .collect();
    format!(
        "From: Laboratoire <{from}>\r\nTo: cabinet@cab.mssante.fr\r\nSubject: {subject}\r\n\
         Message-ID: <{}@lab.mssante.fr>\r\nDate: Mon, 23 Nov 2026 09:00:00 +0100\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n\
         Bonjour.\r\n--b\r\nContent-Type: {kind}; name=\"{name}\"\r\nContent-Transfer-Encoding: base64\r\n\
         Content-Disposition: attachment; filename=\"{name}\"\r\n\r\n{body}--b--\r\n",
        kernel::random::mark()
    )
    .into_bytes()
}

/// A mail of words alone.
pub(crate) fn words(from: &str, subject: &str, text: &str) -> Vec<u8> {
    format!(
        "From: {from}\r\nSubject: {subject}\r\nMessage-ID: <{}@lab.mssante.fr>\r\n\r\n{text}\r\n",
        kernel::random::mark()
    )
    .into_bytes()
}
