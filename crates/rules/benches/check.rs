//! The full check of a mail that carries one document of about 150 KB and its PDF/A: what `vaguemestre check` does of a
//! file, program start apart. Documents of the field where they are at hand (`VAGUEMESTRE_CORPUS`), and one of our own.
//!
//! `cargo bench -p rules`; "elem/s" is mails per second on one core.

#![allow(clippy::unwrap_used)] // a bench, not a product
#![allow(missing_docs)] // the macros of criterion write public items

use std::hint::black_box;
use std::path::{Path, PathBuf};

use cda::SmallKind;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ins::{BirthDate, Identity, Matricule, Nature, Sex, Traits};
use mss::{Address, Document, Draft};

const OF_THE_FIELD: [&str; 3] = [
    "CANCER-FRCP_2022.01_Appareil.xml",
    "DLU-EHPAD-FLUDR_2022.01.xml",
    "BIO-CR-BIO_2021.01_CR-2nde-intention.xml",
];

fn mail(document: Vec<u8>) -> Vec<u8> {
    let address = |text| Address::parse(text).unwrap();
    let date = "2026-11-23T09:05:00Z".parse().unwrap();
    let to = vec![address("bob@ch.mssante.fr")];
    let mut draft = Draft::new(address("899700000018@medecin.mssante.fr"), to, "2621", date);
    draft.text = "Bonjour,\nci-joint.".into();
    draft.documents = vec![Document::new(document)];
    mss::compose(&draft).unwrap()
}

fn own() -> Vec<u8> {
    let born = BirthDate::parse("19620714").unwrap();
    let traits = Traits::strict("ESSAI", "Anne-Marie", born, Sex::Female, "75115");
    let patient = Identity::new(Matricule::from_body("2620775115042").unwrap(), Nature::Test, traits);
    let draft = cda::Draft::small(SmallKind::DischargeLetter, "2.25.1", patient);
    let letter = String::from_utf8(cda::write(&draft)).unwrap();
    let at = letter.find("<paragraph>").unwrap();
    let sentence = "Séjour sans complication, constantes stables, sortie à domicile avec soins infirmiers. ";
    let paragraphs = format!("<paragraph>{}</paragraph>", sentence.repeat(6)).repeat(270);
    [&letter[..at], &paragraphs, &letter[at..]].concat().into_bytes()
}

fn check(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("check");
    group.throughput(Throughput::Elements(1));
    let mut measure = |name: &str, document: Vec<u8>| {
        let size = document.len() / 1_000;
        let mail = mail(document);
        let name = format!("{name} ({size} KB, mail of {} KB)", mail.len() / 1_000);
        group.bench_function(name, |bencher| {
            bencher.iter(|| rules::inspect::inspect("a.eml", black_box(&mail)));
        });
    };
    measure("own", own());
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    let corpus = std::env::var_os("VAGUEMESTRE_CORPUS").map_or(beside, PathBuf::from);
    for name in OF_THE_FIELD {
        if let Ok(document) = std::fs::read(corpus.join("cda").join(name)) {
            measure(name, document);
        }
    }
    group.finish();
}

criterion_group!(benches, check);
criterion_main!(benches);
