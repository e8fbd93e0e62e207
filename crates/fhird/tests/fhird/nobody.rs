//! Nobody real is in the project: neither among the invented people nor anywhere in its files.

use std::path::{Path, PathBuf};

use annuaire::synth::{People, Row};

/// Placeholders in documentation and tests: nobody's names.
const PLACEHOLDERS: [&str; 1] = ["marie.martin@medecin.mssante.fr"];

/// Longest file that is read: what is larger is a picture or an archive.
const LONGEST: u64 = 4 * 1024 * 1024;

#[test]
fn the_invented_have_numbers_and_domains_that_nobody_has() {
    for seed in [1, 8] {
        for row in People::new(seed).rows(3_000) {
            let Row { rpps, address, structure, .. } = &row;
            assert!(rpps.is_empty() || rpps.len() == 11 && rpps.starts_with("999"), "{rpps}");
            assert!(address.ends_with(".mssante.test"), "{address}");
            assert!(suspects(&row.line()).is_empty(), "{:?}", suspects(&row.line()));
            // FINESS of no department (99), SIREN of nobody (000000), RPPS and rank of the invented.
            let reserved = ["199", "2000000", "3000000", "4999"];
            let is_nobodys = reserved.iter().any(|start| structure.starts_with(start));
            assert!(structure.is_empty() || is_nobodys, "{structure}");
        }
    }
}

#[test]
fn no_file_of_the_project_holds_a_real_number_or_address() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).canonicalize().unwrap();
    let root = here.ancestors().nth(2).expect("crates/fhird is two below the root");
    let (mut files, mut found) = (Vec::new(), Vec::new());
    walk(root, &mut files);
    assert!(files.len() > 300, "the walk has missed the project: {} files", files.len());
    for file in files {
        let Ok(text) = std::fs::read_to_string(&file) else { continue };
        found.extend(suspects(&text).into_iter().map(|suspect| format!("{}: {suspect}", file.display())));
    }
    assert!(found.is_empty(), "numbers or addresses that may be somebody's:\n{}", found.join("\n"));
}

#[test]
fn the_search_finds_what_it_is_for() {
    // Put together here, so that this file holds none.
    let number =
        (0..10).map(|key| format!("1010101010{key}")).find(|number| is_luhn(number)).expect("one key fits");
    let address = ["jeanne", ".durand", "@chu-ville", ".mssante.fr"].concat();
    assert_eq!(suspects(&format!("RPPS {number}, IDNPS 8{number}; <{address}>")).len(), 3);
    for fine in [
        "99700427885",
        "899700000018",
        "12345678901234",
        "bob@ch.mssante.fr",
        "anne.fictif@demo.mssante.test",
    ] {
        assert!(suspects(fine).is_empty(), "{fine}");
    }
}

/// RPPS numbers in use begin with 1 and end with a key that fits; IDNPS are an 8 and an RPPS; people's mailboxes are named after
/// them on the domains of the real trust space.
fn suspects(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for word in text.split(|c: char| !(c.is_ascii_alphanumeric() || "@.+-_".contains(c))) {
        let digits = word.trim_matches(['.', '-', '+', '_']);
        let number = match digits.len() {
            11 => digits,
            12 => digits.strip_prefix('8').unwrap_or_default(),
            _ => "",
        };
        if number.starts_with('1') && is_luhn(number) {
            found.push(digits.to_owned());
        }
        let word = word.trim_end_matches('.').to_lowercase();
        let Some((local, domain)) = word.split_once('@') else { continue };
        let is_real = domain.ends_with(".mssante.fr") || domain.ends_with("apicrypt.org");
        let is_named = local.split_once('.').is_some_and(|(given, family)| is_name(given) && is_name(family));
        if is_real && is_named && !PLACEHOLDERS.contains(&word.as_str()) {
            found.push(word);
        }
    }
    found
}

fn is_name(text: &str) -> bool {
    text.len() >= 3 && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
}

fn is_luhn(number: &str) -> bool {
    let digits = number.bytes().rev().map(|byte| u32::from(byte.wrapping_sub(b'0')));
    let sum: u32 = digits
        .enumerate()
        .map(|(at, digit)| match (at % 2, digit * 2) {
            (0, _) => digit,
            (_, twice) if twice > 9 => twice - 9,
            (_, twice) => twice,
        })
        .sum();
    number.bytes().all(|byte| byte.is_ascii_digit()) && !number.is_empty() && sum.is_multiple_of(10)
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        let is_left_out = matches!(name.to_str(), Some("target" | "node_modules" | ".git" | "__pycache__"));
        match entry.file_type() {
            Ok(kind) if kind.is_dir() && !is_left_out => walk(&path, files),
            Ok(kind) if kind.is_file() && entry.metadata().is_ok_and(|meta| meta.len() <= LONGEST) => {
                files.push(path)
            }
            _ => {}
        }
    }
}
