//! Mails as senders make them: real CDA documents in real archives.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cda::{Id, Sample};
use ins::{BirthDate, Identity, Matricule, Nature, Sex, Traits};
use xdm::{Action, Submission, SubmissionDocument};

/// The published patient of tests.
pub(crate) fn patient() -> Identity {
    let born = BirthDate::parse("19790328").unwrap();
    let traits = Traits::strict("PAT-TROIS", "DOMINIQUE MARIE-LOUISE", born, Sex::Female, "51215");
    Identity::new(Matricule::from_body("2790351215189").unwrap(), Nature::Test, traits)
}

/// Version `version` of a set: it names the one before.
pub(crate) fn document(set: u32, version: u32) -> Vec<u8> {
    let root = |version: u32| format!("1.2.250.1.999.{set}.{version}");
    let mut draft =
        Sample::DischargeLetter.draft(&root(version), patient(), crate::time("2026-11-23T07:00:00Z"));
    draft.set_id = format!("1.2.250.1.999.{set}");
    draft.version = version;
    draft.replaces = (version > 1).then(|| Id::root(root(version - 1)));
    cda::write(&draft)
}

/// A mail with one document in one archive.
pub(crate) fn mail(bytes: Vec<u8>, action: Action) -> Vec<u8> {
    let documents = vec![SubmissionDocument { bytes, action }];
    let time = crate::time("2026-11-23T07:30:00Z");
    let archive = Submission { documents, time, author: None }.write().unwrap();
    let lines = STANDARD.encode(archive);
    let lines: Vec<&str> =
        lines.as_bytes().chunks(76).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!(
        "From: Laboratoire <labo@lab.mssante.fr>\r\nTo: cabinet@cab.mssante.fr\r\n\
         Subject: XDM/1.0/DDM+Lettre PAT-TROIS DOMINIQUE 28/03/1979\r\nMessage-ID: <{}@lab.mssante.fr>\r\n\
         Date: Mon, 23 Nov 2026 09:00:00 +0100\r\nMIME-Version: 1.0\r\n\
         Content-Type: application/zip; name=\"IHE_XDM.zip\"\r\nContent-Transfer-Encoding: base64\r\n\
         Content-Disposition: attachment; filename=\"IHE_XDM.zip\"\r\n\r\n{}\r\n",
        kernel::random::mark(),
        lines.join("\r\n")
    )
    .into_bytes()
}
