//! An archive of 3 MB, opened: what a list of mails needs, and everything.

#![allow(missing_docs, clippy::unwrap_used)] // criterion's macros make items without a word

use std::hint::black_box;

use cda::Sample;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ins::{BirthDate, Identity, Matricule, Nature, Sex, Traits};
use xdm::{Archive, Limits, Submission};

/// A letter with a PDF of 3 MB that no packing makes smaller: a random walk from a fixed seed.
fn archive() -> Vec<u8> {
    let born = BirthDate::parse("19620714").unwrap();
    let traits = Traits::strict("D'ESSAI", "Éloïse Anne-Marie", born, Sex::Female, "75115");
    let patient = Identity::new(Matricule::from_body("2620775115042").unwrap(), Nature::Test, traits);
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let noise = std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    });
    let pdf: Vec<u8> = b"%PDF-1.4\n".iter().copied().chain(noise.take(3_000_000)).collect();
    let time = "2026-11-23T09:05:00Z".parse().unwrap();
    let letter = Sample::PdfLetter.draft("2.25.1", patient, time).at_level_1(pdf);
    Submission::new([cda::write(&letter)], time).write().unwrap()
}

fn archives(criterion: &mut Criterion) {
    let bytes = archive();
    let limits = Limits::default();
    let mut group = criterion.benchmark_group("an archive of 3 MB");
    group.throughput(Throughput::Bytes(bytes.len() as u64)).sample_size(20);
    group.bench_function("whose, what, which action", |bencher| {
        bencher.iter(|| xdm::glance(black_box(&bytes), &limits).unwrap());
    });
    group.bench_function("the same, with checksums and hashes", |bencher| {
        bencher.iter(|| {
            let archive = Archive::open(black_box(&bytes), &limits).unwrap();
            archive.headers().filter(|(_, header)| header.is_ok()).count()
        });
    });
    group.finish();
}

criterion_group!(benches, archives);
criterion_main!(benches);
