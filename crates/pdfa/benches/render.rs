//! A document of two pages as PDF/A-1b, from its bytes. `cargo bench -p pdfa`.

#![allow(clippy::unwrap_used)] // a bench, not a product
#![allow(missing_docs)] // the macros of criterion write public items

use std::hint::black_box;

use cda::SmallKind;
use criterion::{Criterion, criterion_group, criterion_main};
use ins::{BirthDate, Identity, Matricule, Nature, Sex, Traits};

fn two_pages() -> Vec<u8> {
    let born = BirthDate::parse("19620714").unwrap();
    let traits = Traits::strict("ESSAI", "Anne-Marie", born, Sex::Female, "75115");
    let patient = Identity::new(Matricule::from_body("2620775115042").unwrap(), Nature::Test, traits);
    let draft = cda::Draft::small(SmallKind::DischargeLetter, "2.25.1", patient);
    let letter = String::from_utf8(cda::write(&draft)).unwrap();
    let at = letter.find("<paragraph>").unwrap();
    let sentence = "Séjour sans complication, constantes stables, sortie à domicile avec soins infirmiers. ";
    let paragraphs = format!("<paragraph>{}</paragraph>", sentence.repeat(4)).repeat(14);
    [&letter[..at], &paragraphs, &letter[at..]].concat().into_bytes()
}

fn render(criterion: &mut Criterion) {
    let source = two_pages();
    let pages = pdfa::render(&cda::read(&source).unwrap(), &source).unwrap().pages;
    assert_eq!(pages, Some(2), "the figure is one of two pages");
    criterion.bench_function("two pages", |bencher| {
        bencher.iter(|| {
            let document = cda::read(black_box(&source)).unwrap();
            pdfa::render(&document, &source).unwrap()
        });
    });
}

criterion_group!(benches, render);
criterion_main!(benches);
