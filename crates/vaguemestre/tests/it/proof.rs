//! Proofs: anyone can verify them and judge again, and no byte of them can be changed.

use std::fs;

use bench::proof::{Signer, Verification, body, verify};
use serde_json::json;
use testkit::adapter;

use crate::lab_with_product;

#[test]
fn a_proof_is_verified_replayed_and_bound_to_its_key() {
    let (lab, product) = lab_with_product();
    lab.json(&["run", "psc-nil", "--nil", &product.nil, "--adapter", &adapter("adapter.py")]).ended(0);
    let file = lab.scratch().join("run.proof");
    let path = file.to_str().unwrap();
    lab.json(&["proof", "1", "--out", path]).ended(0);
    let told = lab.json(&["verify", path]).ended(0);
    assert_eq!((&told["valid"], &told["result"]), (&json!(true), &json!("integrity only")), "{told}");
    assert_eq!(told["runs"], json!([{"number": 1, "job": "psc-nil", "verdict": "passed"}]));

    let key = told["key"].as_str().unwrap();
    let public = lab.data().join("proof.pub");
    for expected in [key, public.to_str().unwrap()] {
        let told = lab.json(&["verify", path, "--key", expected]).ended(0);
        assert_eq!(told["result"], "signed by the expected key");
    }
    lab.json(&["verify", path, "--key", &"0".repeat(64)]).ended(1);
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains("Répétition") && text.contains("MOTCO2"), "the proof says that it is a rehearsal");
    lab.json(&["verify", lab.data().join("ports.json").to_str().unwrap()]).refused("bad_input");
    lab.json(&["proof", "99", "--out", path]).refused("bad_input");
    assert_eq!(fs::read_to_string(&file).unwrap(), text, "a proof that cannot be made leaves the file alone");
}

#[test]
fn any_flipped_byte_is_seen() {
    let (lab, product) = lab_with_product();
    // The smallest proof: a client that did nothing.
    lab.json(&["run", "psc-auth-imap", "--nil", &product.nil, "--adapter", &testkit::bad("liar.py")])
        .ended(1);
    let file = lab.scratch().join("small.proof");
    lab.json(&["proof", "1", "--out", file.to_str().unwrap()]).ended(0);
    let good = fs::read(&file).unwrap();
    assert!(matches!(verify(&good, None), Verification::Valid { .. }));
    let threads = 4;
    std::thread::scope(|scope| {
        for part in 0..threads {
            let good = &good;
            scope.spawn(move || {
                for at in (part..good.len()).step_by(threads) {
                    for flip in [0x01, 0x20, 0x80] {
                        let mut bad = good.clone();
                        bad[at] ^= flip;
                        let seen = !matches!(verify(&bad, None), Verification::Valid { .. });
                        assert!(seen, "byte {at} of {} flipped by {flip:#04x} is not seen", good.len());
                    }
                }
            });
        }
    });
    for cut in [0, 1, good.len() / 2, good.len() - 1] {
        assert!(!matches!(verify(&good[..cut], None), Verification::Valid { .. }), "cut at {cut}");
    }
    let doubled = [good.as_slice(), b"\n"].concat();
    assert!(!matches!(verify(&doubled, None), Verification::Valid { .. }), "a byte more at the end");
}

#[test]
fn a_verdict_that_its_evidence_does_not_give_is_refused_whoever_signs() {
    let (lab, product) = lab_with_product();
    lab.json(&["run", "psc-nil", "--nil", &product.nil, "--adapter", &testkit::bad("missing_nil.py")])
        .ended(1);
    let file = lab.scratch().join("failed.proof");
    lab.json(&["proof", "1", "--out", file.to_str().unwrap()]).ended(0);
    let Verification::Valid { body: read, .. } = verify(&fs::read(&file).unwrap(), None) else {
        panic!("a good proof")
    };
    let signer = Signer::open(&lab.scratch().join("forger.key")).unwrap();
    let mut runs = read.runs.clone();
    let same =
        signer.sign(&body(&signer, read.made, read.campaign, read.seed, read.product.clone(), runs.clone()));
    assert!(matches!(verify(same.as_bytes(), None), Verification::Valid { .. }), "signed again, unchanged");

    runs[0].verdict = bench::judge::Verdict::Passed;
    let forged = signer.sign(&body(&signer, read.made, read.campaign, read.seed, read.product.clone(), runs));
    let Verification::Invalid(why) = verify(forged.as_bytes(), None) else {
        panic!("a forged verdict was believed")
    };
    assert!(why.contains("its evidence says failed"), "{why}");
}
