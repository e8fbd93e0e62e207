//! Every input that fuzzing ever kept, given again to the function that it was kept for.
#![allow(clippy::unwrap_used)] // helpers outside #[test] functions fail as tests do

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use hostile::TARGETS;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(name)
}

fn replay(name: &str) {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder(name))
        .unwrap_or_else(|error| panic!("{}: {error}", folder(name).display()))
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{name} has no corpus");
    for file in files {
        let bytes = std::fs::read(&file).unwrap();
        let begun = Instant::now();
        let outcome = std::panic::catch_unwind(|| hostile::run(name, &bytes));
        assert!(outcome.is_ok(), "{} breaks a promise; see above", file.display());
        let took = begun.elapsed();
        assert!(took < Duration::from_secs(20), "{} took {took:?}", file.display());
    }
}

macro_rules! replays {
    ($($name:ident)*) => {
        $(#[test] fn $name() { replay(stringify!($name)); })*

        #[test]
        fn every_target_has_its_test_its_corpus_and_its_program() {
            let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
            assert_eq!(names, [$(stringify!($name)),*]);
            let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz");
            let manifest = std::fs::read_to_string(root.join("Cargo.toml")).unwrap();
            for name in names {
                assert!(manifest.contains(&format!("name = \"{name}\"")), "fuzz/Cargo.toml lacks {name}");
                assert!(root.join("targets").join(format!("{name}.rs")).is_file(), "fuzz/targets lacks {name}");
            }
        }
    };
}

replays! {
    cda pdfa xdm matricule mail receipt hprim inspect imap_command imap_response imap_mime imap_thread mutf7
    smtp_command smtp_data smtp_reply sasl oidc client_hello scenario fault_script proof
}

#[test]
fn the_corpora_are_small() {
    let mut total = 0;
    for target in &TARGETS {
        for entry in std::fs::read_dir(folder(target.name)).unwrap() {
            total += entry.unwrap().metadata().unwrap().len();
        }
    }
    assert!(total <= 300 * 1024, "fuzz/corpus holds {total} octets; minimise it");
}
