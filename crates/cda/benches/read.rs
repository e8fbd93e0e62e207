//! Documents of our own, written and read: with everything, with the header and the PDF, with the header alone.
//!
//! `bench/documents_vs_lxml` measures beside another reader, on documents of others.

#![allow(missing_docs, clippy::unwrap_used)] // criterion's macros make items without a word

use std::hint::black_box;

use cda::{Draft, Sample};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ins::{BirthDate, Identity, Matricule, Nature, Sex, Traits};

fn draft(sample: Sample) -> Draft {
    let born = BirthDate::parse("19620714").unwrap();
    let traits = Traits::strict("D'ESSAI", "Éloïse Anne-Marie", born, Sex::Female, "75115");
    let patient = Identity::new(Matricule::from_body("2620775115042").unwrap(), Nature::Test, traits);
    sample.draft("2.25.1", patient, "2026-11-23T09:05:00Z".parse().unwrap())
}

fn documents(criterion: &mut Criterion) {
    let report = draft(Sample::CriticalResults);
    let large = draft(Sample::PdfLetter).at_level_1(vec![0x55; 2 * 1024 * 1024]);
    for (name, draft) in [("report", report), ("2 MB of PDF", large)] {
        let bytes = cda::write(&draft);
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Bytes(bytes.len() as u64)).sample_size(20);
        group.bench_function("write", |bencher| bencher.iter(|| cda::write(black_box(&draft))));
        group.bench_function("read_whole", |bencher| bencher.iter(|| cda::read_whole(black_box(&bytes))));
        group.bench_function("read", |bencher| bencher.iter(|| cda::read(black_box(&bytes))));
        group.bench_function("read_header", |bencher| bencher.iter(|| cda::read_header(black_box(&bytes))));
        group.finish();
    }
}

criterion_group!(benches, documents);
criterion_main!(benches);
