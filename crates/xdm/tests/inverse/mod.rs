//! Whatever is written is read back equal, and a glance sees what opening finds.

use cda::{Draft, Sample};
use proptest::prelude::*;
use xdm::{Glance, glance};

use super::*;

fn look(bytes: &[u8]) -> Vec<Glance> {
    glance(bytes, &Limits::default()).unwrap()
}

/// What opening says of the documents, as a glance says it.
fn opened(archive: &Archive) -> Vec<Glance> {
    let seen = archive.headers().map(|(document, header)| Glance {
        path: document.path.clone(),
        action: document.action,
        listed: document.listed,
        header,
    });
    seen.collect()
}

fn sample(sample: Sample, id: u128) -> Draft {
    sample.draft(&cda::oid_of(id), patient(), time())
}

#[test]
fn a_glance_sees_what_opening_finds() {
    let documents = Sample::ALL.iter().zip(1..).map(|(kind, id)| cda::write(&sample(*kind, id)));
    let mut submission = Submission::new(documents, time());
    submission.documents[1].action = Action::Replace;
    submission.documents[2].action = Action::Delete;
    let bytes = submission.write().unwrap();
    let seen = look(&bytes);
    assert_eq!(seen, opened(&open(&bytes)));
    let actions: Vec<Action> = seen.iter().take(4).map(|document| document.action).collect();
    assert_eq!(actions, [Action::Create, Action::Replace, Action::Delete, Action::Create]);
    let header = seen[3].header.as_ref().unwrap();
    assert_eq!((header.id.clone(), &header.patient), (Some(Id::root("2.25.4")), &patient()));
}

#[test]
fn a_glance_forgives_what_opening_forgives() {
    let report = cda::write(&sample(Sample::NormalResults, 1));
    let utf16: Vec<u8> = std::iter::once(0xfeff)
        .chain(String::from_utf8(report.clone()).unwrap().encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    // A header longer than what is unpacked at first, and a text cut in the middle of a character.
    let long = String::from_utf8(report.clone()).unwrap().replacen(
        "<realmCode",
        &format!("<!-- {} --><realmCode", "é".repeat(100_000)),
        1,
    );
    for files in [
        vec![("A/B.XML", report.as_slice()), ("__MACOSX/A/B.XML", &report), ("A/C.PDF", b"%PDF-1.4")],
        vec![("A/B.XML", &utf16)],
        vec![("A/B.XML", long.as_bytes())],
        vec![("A/METADATA.XML", b"<a"), ("A/B.XML", &report)],
        vec![("A/METADATA.XML", b"<a/>"), ("A/B.XML", &report), ("A/C.XML", b"<note/>")],
        vec![("A/B.XML", b"<ClinicalDocument xmlns='urn:hl7-org:v3'>".as_slice())],
    ] {
        let bytes = packed(&files);
        let seen = look(&bytes);
        assert_eq!(seen.len(), 1);
        assert_eq!(seen, opened(&open(&bytes)), "{:?}", files[0].0);
    }
    let whole = two().write().unwrap();
    assert!(glance(&whole[..whole.len() / 2], &Limits::default()).is_err());
}

#[test]
fn a_glance_unpacks_no_more_than_it_needs() {
    let large = sample(Sample::PdfLetter, 1).at_level_1(vec![b'x'; 3 * 1024 * 1024]);
    let bytes = Submission::new([cda::write(&large)], time()).write().unwrap();
    let mut limits = Limits::default();
    limits.total = 256 * 1024; // less than the document
    assert!(matches!(Archive::open(&bytes, &limits), Err(xdm::OpenError::Bomb { .. })));
    let seen = glance(&bytes, &limits).unwrap();
    assert_eq!(seen[0].header.as_ref().unwrap().id, Some(Id::root("2.25.1")));
}

/// Words: blanks are folded when a document is read.
fn words() -> impl Strategy<Value = String> {
    prop::collection::vec("[A-Za-zÀ-ÿœ<>&\"'’^|~;/=!😀]{1,9}", 1..4).prop_map(|words| words.join(" "))
}

fn action() -> impl Strategy<Value = Action> {
    prop::sample::select(vec![Action::Create, Action::Replace, Action::Delete])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn prop_what_is_written_is_read_back(
        drafts in prop::collection::vec((0..Sample::ALL.len(), words(), words(), words(), action()), 1..5),
        local in words(),
    ) {
        let documents = drafts.iter().zip(1u128..).map(|((kind, title, family, structure, action), id)| {
            let mut draft = sample(Sample::ALL[*kind], id);
            draft.title.clone_from(title);
            draft.author.family.clone_from(family);
            draft.patient.traits.used_name = Some(family.clone());
            draft.local_id = Id::new("1.2.3", &local);
            if let Some(organisation) = &mut draft.author.organisation {
                organisation.name.clone_from(structure);
            }
            SubmissionDocument { bytes: cda::write(&draft), action: *action }
        });
        let submission = Submission { documents: documents.collect(), time: time(), author: None };
        let bytes = submission.write().unwrap();
        let archive = open(&bytes);
        prop_assert_eq!(&archive.problems, &[]);
        prop_assert_eq!(archive.documents.len(), drafts.len());
        for (read, (sent, draft)) in archive.documents.iter().zip(submission.documents.iter().zip(&drafts)) {
            prop_assert_eq!((&read.bytes, read.action), (&sent.bytes, sent.action));
            let header = cda::read(&sent.bytes).unwrap();
            prop_assert_eq!((&read.title, &header.title), (&draft.1, &draft.1));
            prop_assert_eq!(&read.unique_id, &header.id.map(|id| id.to_string()));
            prop_assert_eq!(&read.type_code, &header.code.map(|code| code.code));
            prop_assert!(read.listed && read.patient_id.is_some());
        }
        prop_assert_eq!(glance(&bytes, &Limits::default()).unwrap(), opened(&archive));
        // No name, however odd, makes a field of METADATA.XML longer than it is.
        let text = metadata(&bytes);
        let tree = roxmltree::Document::parse(&text).unwrap();
        for node in tree.descendants().filter(|node| node.attribute("name") == Some("authorInstitution")) {
            let value = node.descendants().find_map(|node| node.text().filter(|text| !text.trim().is_empty()));
            prop_assert_eq!(value.unwrap().matches('^').count(), 9);
        }
    }

    #[test]
    fn prop_what_opens_can_be_glanced_at(at in 0usize..4_000, octet in any::<u8>()) {
        let mut bytes = two().write().unwrap();
        let length = bytes.len();
        bytes[at % length] = octet;
        if let Ok(archive) = Archive::open(&bytes, &Limits::default()) {
            let mut seen = glance(&bytes, &Limits::default()).unwrap();
            let mut expected = opened(&archive);
            // Where the text ends too early depends on how much of it was unpacked.
            for document in seen.iter_mut().chain(&mut expected) {
                if let Ok(header) = &mut document.header {
                    header.problems.clear();
                }
            }
            prop_assert_eq!(seen, expected);
        } else {
            let _ = glance(&bytes, &Limits::default());
        }
    }
}
