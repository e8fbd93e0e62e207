//! The adapter's look-ups, against the sandbox of the directory's API and against what is no API.

use std::net::Ipv4Addr;
use std::sync::Arc;

use fhird::{Entry, Fault, Sandbox, Settings};
use kernel::{Clock, Timing};
use lps::adapter::Outcome;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::adapter::{Desk, at, submission};
use crate::peer::{Pages, http};

const WANTED: &str = "c.essai@medecin.mssante.test";

struct Directory {
    base: String,
    sandbox: Sandbox,
    _stop: watch::Sender<bool>,
}

fn person(number: u32, address: &str) -> Entry {
    Entry {
        address: address.into(),
        rpps: format!("999{number:08}"),
        family: format!("ESSAI{number}"),
        given: "Camille".into(),
        category: "C".into(),
        profession: "10".into(),
        skill: if number == 1 { "SM15".into() } else { "SM04".into() },
        structure: format!("4999{number:08}001"),
        company: format!("CABINET {number}"),
        lines: vec![format!("{number} PL DE L EGLISE")],
        postcode: "03100".into(),
        city: if number == 1 { "MONTLUCON".into() } else { "MOULINS".into() },
        ..Entry::default()
    }
}

impl Directory {
    async fn new() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let base = format!("http://{}{}", listener.local_addr().unwrap(), fhird::PATH);
        let mut timing = Timing::accelerated();
        timing.slow_answer = std::time::Duration::from_millis(200);
        let settings = Settings { base: base.clone(), clock: Clock::system(), timing, journal: None };
        let sandbox = Sandbox::new(settings);
        sandbox.fill([person(1, WANTED)]);
        sandbox.fill((2..60).map(|number| person(number, &format!("c.{number}@medecin.mssante.test"))));
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(sandbox.clone().serve(listener, stopped));
        Self { base, sandbox, _stop: stop }
    }

    async fn search(&self, desk: &Desk, query: Value) -> (Outcome, String) {
        let response = desk
            .run("search", |request| {
                request["directory"] = json!(self.base);
                request["message"] = json!({"facts": {"query": query}});
            })
            .await;
        (response.outcome, response.detail)
    }
}

#[tokio::test]
async fn each_criterion_and_several_together_find_whom_they_describe() {
    let (desk, directory) = (Desk::new().await, Directory::new().await);
    for query in [
        json!({"identifier": "99900000001"}),
        json!({"family": "essai1", "city": "montlucon"}),
        json!({"given": "CAMILLE", "city": "MONTLUCON"}),
        json!({"specialty": "Dermatologie", "specialty_code": "SM15"}),
        json!({"profession": "Médecin", "profession_code": "10", "specialty_code": "SM15"}),
        json!({"organization": "cabinet 1", "city": "Montlucon"}),
        json!({"street": "pl de l eglise", "postcode": "03100", "city": "MONTLUCON"}),
        json!({"address": "1 PL DE L EGLISE", "specialty_code": "SM15"}),
        json!({"email": WANTED}),
        json!({"email": WANTED, "city": "MONTLUCON"}),
    ] {
        let (outcome, detail) = directory.search(&desk, query.clone()).await;
        assert_eq!(outcome, Outcome::Done, "{query}: {detail}");
        assert!(detail.starts_with("1 found") && detail.contains(WANTED), "{query}: {detail}");
    }
    let (outcome, detail) = directory.search(&desk, json!({"given": "Camille"})).await;
    assert_eq!((outcome, detail.starts_with("59 found")), (Outcome::Done, true), "{detail}");
    let (outcome, detail) = directory.search(&desk, json!({"family": "ESSAI1", "city": "MOULINS-SUR"})).await;
    assert_eq!((outcome, detail.as_str()), (Outcome::Done, "nobody in the directory matches"));
    for (query, word) in [(json!({}), "no criterion"), (json!({"profession": "Médecin"}), "without its code")]
    {
        let (outcome, detail) = directory.search(&desk, query).await;
        assert_eq!((outcome, detail.contains(word)), (Outcome::Error, true), "{detail}");
    }
}

#[tokio::test]
async fn a_mail_without_recipient_goes_to_the_one_who_is_found() {
    let (desk, directory) = (Desk::new().await, Directory::new().await);
    let server = submission(&desk.lab).await;
    let send = async |query: Value| {
        desk.run("send", |request| {
            (request["smtp"], request["directory"]) = (at(&server), json!(directory.base));
            request["message"] = json!({"to": [], "text": "x", "facts": {"query": query}});
        })
        .await
    };
    let response = send(json!({"family": "ESSAI1", "city": "MONTLUCON"})).await;
    assert_eq!(response.outcome, Outcome::Done, "{response:?}");
    let named = |line: &String| line.to_ascii_uppercase().starts_with("RCPT TO:");
    let heard: Vec<String> = server.heard().into_iter().filter(named).collect();
    assert_eq!(heard.len(), 1, "{heard:?}");
    assert!(heard[0].contains(WANTED), "{heard:?}");
    // Several, and nobody: nothing is sent, and neither is a success.
    for (query, word) in
        [(json!({"city": "MOULINS"}), "58 entries"), (json!({"city": "NULLE-PART"}), "nobody")]
    {
        let response = send(query).await;
        assert_eq!(response.outcome, Outcome::Error);
        assert!(
            response.detail.contains(word) && response.detail.contains("nothing was sent"),
            "{response:?}"
        );
    }
    assert_eq!(server.heard().into_iter().filter(named).count(), 1);
}

#[tokio::test]
async fn an_outage_is_told_and_is_never_nobody() {
    let (desk, directory) = (Desk::new().await, Directory::new().await);
    let query = || json!({"family": "ESSAI1"});
    for (fault, outcome) in [
        (Fault::Html, Outcome::Error),
        (Fault::CutJson, Outcome::Error),
        (Fault::Unavailable, Outcome::Error),
        (Fault::Unauthorized, Outcome::Refused),
    ] {
        let armed = directory.sandbox.arm(fault, 100);
        let told = directory.search(&desk, query()).await;
        assert_eq!(told.0, outcome, "{fault}: {}", told.1);
        assert!(!told.1.contains("nobody"), "{fault}: {}", told.1);
        drop(armed);
    }
    // What passes is waited for.
    for fault in [Fault::TooManyRequests, Fault::Slow] {
        let _armed = directory.sandbox.arm(fault, 1);
        let told = directory.search(&desk, query()).await;
        assert_eq!(told.0, Outcome::Done, "{fault}: {}", told.1);
    }
    let elsewhere = http(Arc::clone(&Pages::default())).await;
    let response = desk
        .run("search", |request| {
            request["directory"] = json!(format!("http://127.0.0.1:{}/fhir/v2", elsewhere.port));
            request["message"] = json!({"facts": {"query": query()}});
        })
        .await;
    assert_eq!(response.outcome, Outcome::Error, "{response:?}");
    let response =
        desk.run("search", |request| request["message"] = json!({"facts": {"query": query()}})).await;
    assert!(response.detail.contains("\"directory\""), "{response:?}");
}
