//! Which addresses are of patients: an option of `check`, a setting of the bench for its page and its API.

use std::path::Path;

use mss::{Address, Draft, Label};
use serde_json::{Value, json};
use testkit::{Answer, Lab, run};

use crate::{PROGRAM, lab};

/// A mail of an LPS that closes the exchange, `X-MSS-MES: FIN`.
fn closing(to: &str) -> Vec<u8> {
    let address = |text: &str| Address::parse(text).unwrap();
    let from = address("899700000018@mail-tests-editeur.vaguemestre.test");
    let mut draft = Draft::new(from, vec![address(to)], "2621", "2026-11-23T10:00:00Z".parse().unwrap());
    draft.label = Label::person(Some("Dr"), "Camille", "Essai", None);
    (draft.subject, draft.text) = ("Bonjour".into(), "Voici.".into());
    let mail = String::from_utf8(mss::compose(&draft).unwrap()).unwrap();
    mail.replacen("X-MSS-NIL: 2621", "X-MSS-NIL: 2621\r\nX-MSS-MES: FIN", 1).into_bytes()
}

#[track_caller]
fn rules(report: &Value) -> Vec<&str> {
    let findings = report["inputs"][0]["findings"].as_array().unwrap();
    findings.iter().map(|finding| finding["rule"].as_str().unwrap()).collect()
}

const WRONG: [&str; 1] = ["SC.MSS/CONF.21"];
const NONE: [&str; 0] = [];

#[test]
fn the_command_is_told_whose_addresses_are_patients() {
    let desk = tempfile::tempdir().unwrap();
    let check = |to: &str, options: &[&str]| {
        let path = desk.path().join("a.eml");
        std::fs::write(&path, closing(to)).unwrap();
        let arguments = [&["check", path.to_str().unwrap(), "--json"][..], options].concat();
        run(Path::new(PROGRAM), &desk.path().join("no-data"), &arguments, &[])
    };
    let cases: [(&str, &[&str], i32, &[&str]); 6] = [
        ("184131175@mail-tests-editeur.espacedeconfiance.mssante.fr", &[], 0, &NONE),
        ("184131175@tests.lab", &[], 1, &WRONG),
        ("184131175@tests.lab", &["--user-domain", "#########@tests.lab"], 0, &NONE),
        ("184131175@tests.lab", &["--user-domain", "x.fr", "--user-domain=184131175@tests.lab"], 0, &NONE),
        ("184131175@tests.lab", &["--user-domain", "patients.lab"], 1, &WRONG),
        ("279035121518989@patient.mssante.fr", &["--user-domain", "x.fr"], 0, &NONE),
    ];
    for (to, options, code, expected) in cases {
        let output = check(to, options);
        assert_eq!((output.code, rules(&output.json())), (code, expected.to_vec()), "{to} {options:?}");
    }
    let refused = check("a@x.fr", &["--user-domain", "a b@x.fr"]);
    assert_eq!(refused.code, 2);
}

fn api(lab: &Lab, method: &str, path: &str, media: &str, body: &[u8]) -> Answer {
    let (host, key) = (lab.authority(), format!("Bearer {}", lab.api_key()));
    let headers = [("Host", host.as_str()), ("Authorization", &key), ("Content-Type", media)];
    lab.http(method, &format!("/api/v1{path}"), &headers, body)
}

#[test]
fn the_bench_is_told_whose_addresses_are_patients() {
    let lab = lab();
    let check = |to: &str| {
        let answer = api(&lab, "POST", "/check", "message/rfc822", &closing(to));
        assert_eq!(answer.status, 200, "{answer:?}");
        let found = rules(&answer.json()).iter().map(ToString::to_string).collect::<Vec<_>>();
        // The page says the same.
        let mut body =
            b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.eml\"\r\n\r\n".to_vec();
        body.extend([closing(to), b"\r\n--b--\r\n".to_vec()].concat());
        let host = lab.authority();
        let headers = [("Host", host.as_str()), ("Content-Type", "multipart/form-data; boundary=b")];
        let shown = lab.http("POST", "/check", &headers, &body);
        assert_eq!(shown.status, 303, "{shown:?}");
        let page = lab.page(shown.header("location").unwrap(), "fr");
        assert_eq!(page.body.contains(WRONG[0]), found == WRONG, "{to}");
        found
    };
    let set = |domains: Value| {
        let body = json!({"user_domains": domains}).to_string();
        api(&lab, "PUT", "/settings", "application/json", body.as_bytes())
    };
    let (motco2, mes) =
        ("184131175@mail-tests-editeur.espacedeconfiance.mssante.fr", "279035121518989@patient.mssante.fr");
    let usual = json!(["patient.mssante.fr", motco2]);
    assert_eq!(api(&lab, "GET", "/settings", "", b"").json()["user_domains"], usual);
    for patient in [mes, motco2, "184131175@mail-tests-editeur.vaguemestre.test"] {
        assert_eq!(check(patient), NONE, "{patient}");
    }
    assert_eq!(check("123456789@tests.lab"), WRONG);
    let answer = set(json!(["patient.mssante.fr", "#########@Tests.lab"]));
    assert_eq!(answer.json()["user_domains"], json!(["patient.mssante.fr", "#########@tests.lab"]));
    assert_eq!(check("123456789@tests.lab"), NONE);
    assert_eq!(check(motco2), WRONG, "it is not in the list any more");
    let refused = set(json!(["a b@x.fr"]));
    assert_eq!((refused.status, &refused.json()["error"]["field"]), (400, &json!("user_domains")));
    assert_eq!(set(json!([])).json()["user_domains"], usual);

    let fields = |domains: &str| {
        format!("language=&retention_days=30&timer_person_s=90&timer_adapter_s=15&user_domains={domains}")
    };
    let save = |domains: &str| {
        let host = lab.authority();
        let headers = [("Host", host.as_str()), ("Content-Type", "application/x-www-form-urlencoded")];
        lab.http("POST", "/settings", &headers, fields(domains).as_bytes())
    };
    let wrong = save("nul+part");
    assert_eq!(wrong.status, 400);
    assert!(wrong.body.contains("id=\"e-user_domains\"") && wrong.body.contains("nul part"));
    assert_eq!(save("usagers.lab%0D%0A%0D%0A184131175%40tests.lab").status, 303);
    let saved = lab.page("/settings", "fr");
    assert!(saved.body.contains(">usagers.lab\n184131175@tests.lab</textarea>"), "{saved:?}");
    for patient in ["p@usagers.lab", "184131175@tests.lab"] {
        assert_eq!(check(patient), NONE, "{patient}");
    }
}
