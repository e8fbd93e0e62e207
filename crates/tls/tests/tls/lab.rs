//! The lab's directory: what is kept, completed, refused.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use kernel::Clock;
use tempfile::TempDir;
use tls::{ClientTrust, Error, Lab, LabNames};

use crate::support::*;

/// Files in the order in which a first start makes them (keys are made at once).
const ORDER: [&str; 8] = [
    "root.key",
    "organisations.key",
    "server.key",
    "root.pem",
    "organisations.pem",
    "ACR-EL-LAB.crl",
    "ACI-EL-ORG-LAB.crl",
    "server.pem",
];

fn contents(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(dir).unwrap().map(Result::unwrap);
    entries.map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())).collect()
}

fn crl_number(lab: &Lab) -> Vec<u64> {
    lab.crls()
        .iter()
        .map(|(_, der)| {
            let (_, list) = x509_parser::parse_x509_crl(der).unwrap();
            list.crl_number().unwrap().to_u64_digits()[0]
        })
        .collect()
}

/// What the tests have revoked: beside it there is the serial number of the fault, of full length.
fn revoked(lab: &Lab) -> Vec<String> {
    let (_, der) = &lab.crls()[1];
    let (_, list) = x509_parser::parse_x509_crl(der).unwrap();
    list.iter_revoked_certificates()
        .map(|entry| format!("{:x}", entry.serial()))
        .filter(|serial| serial.len() < 32)
        .collect()
}

#[test]
fn a_second_opening_changes_nothing() {
    let (dir, lab) = lab();
    let before = contents(dir.path());
    let mut expected: Vec<_> = ORDER.iter().map(|name| (*name).to_owned()).collect();
    expected.push(String::from("lock"));
    expected.sort();
    assert_eq!(before.keys().cloned().collect::<Vec<_>>(), expected);
    let again = open(dir.path());
    again.refresh().unwrap();
    assert_eq!(contents(dir.path()), before);
    assert_eq!(again.ca_pem(), lab.ca_pem());
    assert_eq!(again.crls(), lab.crls());
    assert_eq!(lab.ca_pem().matches("BEGIN CERTIFICATE").count(), 2);
    assert!(lab.ca_pem().as_bytes().starts_with(&before["root.pem"]));
}

#[cfg(unix)]
#[test]
fn the_directory_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let parent = TempDir::new().unwrap();
    let dir = parent.path().join("deep/lab");
    open(&dir);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&dir), 0o700);
    for name in ORDER {
        assert_eq!(mode(&dir.join(name)), 0o600, "{name}");
    }
    fs::set_permissions(dir.join("root.key"), fs::Permissions::from_mode(0o644)).unwrap();
    open(&dir);
    assert_eq!(mode(&dir.join("root.key")), 0o600);
}

#[test]
fn an_interrupted_first_start_is_completed() {
    let (full, _lab) = lab();
    for kept in 0..ORDER.len() {
        let dir = TempDir::new().unwrap();
        for name in &ORDER[..kept] {
            fs::copy(full.path().join(name), dir.path().join(name)).unwrap();
        }
        fs::write(dir.path().join(".draft-0-root.key"), "half").unwrap();
        let before = contents(dir.path());
        let lab = open(dir.path());
        let after = contents(dir.path());
        assert!(after.keys().all(|name| !name.starts_with('.')), "a draft, perhaps of a key, was left");
        for (name, bytes) in before.iter().filter(|(name, _)| !name.starts_with('.')) {
            assert_eq!(after[name], *bytes, "{name} was changed after {kept} files");
        }
        assert!(ORDER.iter().all(|name| after.contains_key(*name)));
        lab.issue_auth_cli("163254178", "S").unwrap();
    }
}

#[test]
fn a_damaged_file_is_named_and_left_alone() {
    let (full, _lab) = lab();
    let (_other_dir, _other) = crate::support::lab();
    for name in ORDER {
        let whole = fs::read(full.path().join(name)).unwrap();
        let foreign = fs::read(_other_dir.path().join(name)).unwrap();
        let cut = whole[..whole.len() / 2].to_vec();
        for (kind, bytes) in
            [("empty", Vec::new()), ("cut", cut), ("foreign", foreign), ("noise", b"\xff\x00noise".to_vec())]
        {
            if kind == "foreign" && name.starts_with("server") {
                continue; // a whole pair of another lab's is simply not ours: see below
            }
            let dir = TempDir::new().unwrap();
            for other in ORDER {
                fs::copy(full.path().join(other), dir.path().join(other)).unwrap();
            }
            fs::write(dir.path().join(name), &bytes).unwrap();
            let Err(error) = Lab::open(dir.path(), &names(), &Clock::system()) else {
                panic!("{name} ({kind}) went unseen");
            };
            let text = error.to_string();
            assert!(matches!(error, Error::Damaged { .. }), "{name} ({kind}): {text}");
            let stem = name.split('.').next().unwrap();
            assert!(text.contains(stem) || kind == "foreign", "{name} ({kind}): {text}");
            assert!(text.contains(dir.path().to_str().unwrap()), "{text}");
            assert!(!text.contains("PRIVATE"), "{text}");
            assert_eq!(fs::read(dir.path().join(name)).unwrap(), bytes, "{name} ({kind}) was rewritten");
        }
    }
}

#[test]
fn a_lost_file_is_named_where_others_depend_on_it() {
    let (full, _lab) = lab();
    for name in [
        "root.key",
        "root.pem",
        "organisations.key",
        "organisations.pem",
        "ACR-EL-LAB.crl",
        "ACI-EL-ORG-LAB.crl",
    ] {
        let dir = TempDir::new().unwrap();
        for other in ORDER.iter().filter(|other| **other != name) {
            fs::copy(full.path().join(other), dir.path().join(other)).unwrap();
        }
        let text = Lab::open(dir.path(), &names(), &Clock::system()).err().unwrap().to_string();
        assert!(text.contains(name) && text.contains("missing"), "{text}");
        assert!(!dir.path().join(name).exists());
    }
    // The server's own pair is made again: nobody keeps it.
    for name in ["server.key", "server.pem"] {
        let dir = TempDir::new().unwrap();
        for other in ORDER.iter().filter(|other| **other != name) {
            fs::copy(full.path().join(other), dir.path().join(other)).unwrap();
        }
        open(dir.path());
    }
}

#[test]
fn new_names_bring_a_new_server_certificate_and_nothing_else() {
    let (dir, lab) = lab();
    let before = contents(dir.path());
    let mut names = names();
    names.domains.push(String::from("Autre.lab.example."));
    let renamed = Lab::open(dir.path(), &names, &Clock::system()).unwrap();
    let after = contents(dir.path());
    for name in ORDER {
        assert_eq!(after[name] == before[name], name != "server.pem", "{name}");
    }
    assert_ne!(renamed.server_certificate().unwrap().serial, lab.server_certificate().unwrap().serial);
    let same = Lab::open(dir.path(), &names, &Clock::system()).unwrap();
    assert_eq!(same.server_certificate().unwrap(), renamed.server_certificate().unwrap());
}

#[tokio::test]
async fn another_crl_address_keeps_anchor_and_issued_certificates_good() {
    let (dir, lab) = lab();
    let issued = lab.issue_auth_cli("163254178", "S").unwrap();
    let names = LabNames { crl_base: String::from("http://127.0.0.1:9999/"), ..names() };
    let moved = Lab::open(dir.path(), &names, &Clock::system()).unwrap();
    assert_ne!(moved.ca_pem(), lab.ca_pem());
    let files = ClientFiles::new(dir.path(), "client", &issued);
    let mut server = Server::start(moved.acceptor()).await;
    // The old chain, intermediate included, under the old root.
    let old_root = put(dir.path(), "old.pem", lab.ca_pem());
    let (output, visit) =
        server.s_client(&[&["-CAfile", &old_root, "-verify_return_error"], &files.full()[..]].concat()).await;
    assert!(output.contains(GREETING), "{output}");
    assert_eq!(visit.established().certificate.as_ref(), Some(&issued.facts));
    let shown = openssl_ok(&["x509", "-in", &path(dir.path(), "server.pem"), "-noout", "-text"]).await;
    assert!(shown.contains("http://127.0.0.1:9999/CRL/ACI-EL-ORG-LAB.crl"), "{shown}");
}

#[test]
fn parallel_openings_make_one_lab() {
    let dir = TempDir::new().unwrap();
    let bundles: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| open(dir.path()).ca_pem().to_owned())).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(bundles.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!(open(dir.path()).ca_pem(), bundles[0]);
    assert!(contents(dir.path()).keys().all(|name| !name.starts_with('.')), "a draft was left");
}

#[test]
fn revocations_last_and_numbers_grow() {
    let (dir, lab) = lab();
    let first = crl_number(&lab);
    lab.revoke("00:0A").unwrap();
    lab.revoke("a").unwrap(); // the same, once more
    assert_eq!(revoked(&lab), ["a"]);
    assert!(crl_number(&lab)[1] > first[1]);
    assert_eq!(crl_number(&lab)[0], first[0]);
    // Another process on the same directory loses nothing of ours, and we see its work at the next refresh.
    let other = open(dir.path());
    assert_eq!(revoked(&other), ["a"]);
    other.revoke("b").unwrap();
    lab.revoke("c").unwrap();
    assert_eq!(revoked(&lab), ["a", "b", "c"]);
    other.refresh().unwrap();
    assert_eq!(revoked(&other), ["a", "b", "c"]);
    assert!(lab.revoke("not hex").unwrap_err().to_string().contains("hexadecimal"));
    assert!(lab.revoke("").is_err());
}

#[test]
fn crls_are_renewed_at_half_life() {
    let dir = TempDir::new().unwrap();
    let (clock, hands) = Clock::manual(Clock::system().now());
    let lab = Lab::open(dir.path(), &names(), &clock).unwrap();
    lab.revoke("a").unwrap();
    let first = lab.crls();
    hands.advance(Duration::from_secs(3 * 86_400));
    lab.refresh().unwrap();
    assert_eq!(lab.crls(), first);
    hands.advance(Duration::from_secs(86_400));
    lab.refresh().unwrap();
    assert!(lab.crls().iter().zip(&first).all(|(new, old)| new.1 != old.1));
    assert_eq!(revoked(&lab), ["a"]);
    // Long after: entries of certificates that have certainly expired go.
    hands.advance(Duration::from_secs(4 * 365 * 86_400));
    lab.refresh().unwrap();
    assert!(revoked(&lab).is_empty());
    ClientTrust::new(lab.ca_pem(), &lab.crls().into_iter().map(|(_, der)| der).collect::<Vec<_>>()).unwrap();
}

#[test]
fn what_cannot_be_put_into_a_certificate_is_refused() {
    let (dir, lab) = lab();
    for (identity, organisation) in [("", "S"), ("1\n2", "S"), ("1", " "), (&"9".repeat(65), "S")] {
        assert!(
            matches!(lab.issue_auth_cli(identity, organisation), Err(Error::Input(_))),
            "{identity:?} {organisation:?}"
        );
    }
    let long = lab.issue_auth_cli("1", &"é".repeat(80)).unwrap();
    assert!(long.facts.subject.contains(&format!("O={},", "é".repeat(64))));
    let tricky = lab.issue_auth_cli("1", "A, CN=admin").unwrap();
    assert!(tricky.facts.subject.contains(r"O=A\, CN\=admin"), "{}", tricky.facts.subject);
    assert!(!format!("{long:?}").contains("PRIVATE"));
    let broken = kernel::Secret::new(String::from(
        "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----\n",
    ));
    let error = lab.renew_auth_cli("1", "S", &broken).unwrap_err().to_string();
    assert!(!error.contains("hunter2"), "{error}");
    for (domain, base) in
        [("not a name", "http://127.0.0.1:1"), ("a.example", "ldap://x"), ("a.example", "http://x y")]
    {
        let names = LabNames { domains: vec![domain.to_owned()], crl_base: base.to_owned() };
        assert!(
            matches!(Lab::open(dir.path(), &names, &Clock::system()), Err(Error::Input(_))),
            "{domain} {base}"
        );
    }
}
