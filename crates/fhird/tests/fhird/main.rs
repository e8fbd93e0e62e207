//! The sandbox over real sockets, with plain HTTP and with the client of `annuaire`.

#![allow(clippy::unwrap_used)]

mod nobody;

use std::time::Duration;

use annuaire::BoxType;
use annuaire::fhir::{Client, Live};
use fhird::{Entry, Fault, Kind, Sandbox, Settings};
use journal::Journal;
use kernel::{Clock, Secret, Stage, Timing};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;
use wire::{Fact, SearchFacts, Service};

const BOX: &str = "anne-laure.fictif@medecin.mssante.test";

struct Lab {
    base: String,
    sandbox: Sandbox,
    journal: Journal,
    http: reqwest::Client,
    _stop: watch::Sender<bool>,
    _dir: tempfile::TempDir,
}

fn person(number: usize) -> Entry {
    Entry {
        kind: Kind::Per,
        address: format!("personne.{number}@medecin.mssante.test"),
        rpps: format!("999{number:08}"),
        title: "DR".into(),
        family: format!("FICTIF{number}"),
        given: "Jean-Rémi".into(),
        category: "C".into(),
        profession: "10".into(),
        profession_label: "Médecin".into(),
        skill: "SM04".into(),
        structure: format!("4999{number:08}001"),
        company: format!("CABINET FICTIF{number}"),
        lines: vec!["12 PL DE L EGLISE".into()],
        postcode: "03100".into(),
        city: "MONTLUÇON".into(),
        ..Entry::default()
    }
}

fn anne() -> Entry {
    Entry {
        address: BOX.into(),
        rpps: "99900999018".into(),
        family: "FICTIF".into(),
        given: "Anne-Laure".into(),
        structure: String::new(),
        paperless: true,
        ..person(1)
    }
}

fn hospital() -> Entry {
    Entry {
        kind: Kind::Org,
        address: "secretariat.cardio@ch-essai.mssante.test".into(),
        rpps: String::new(),
        structure: "1990000001".into(),
        company: "CH D ESSAI".into(),
        service: "Cardiologie".into(),
        ..person(2)
    }
}

impl Lab {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let db = db::Db::open_sqlite(&dir.path().join("journal.sqlite")).await.unwrap();
        let clock = Clock::system();
        let journal = Journal::open(&db, clock.clone()).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}{}", listener.local_addr().unwrap(), fhird::PATH);
        let mut timing = Timing::accelerated();
        timing.slow_answer = Duration::from_millis(400);
        let journal_too = Some(journal.clone());
        let sandbox = Sandbox::new(Settings { base: base.clone(), clock, timing, journal: journal_too });
        sandbox.fill((10..130).map(person));
        sandbox.publish(&anne());
        sandbox.publish(&hospital());
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(web::serve_http(listener, sandbox.router(), stopped));
        let http = reqwest::Client::builder().tls_backend_preconfigured(no_tls()).no_proxy().build().unwrap();
        Self { base, sandbox, journal, http, _stop: stop, _dir: dir }
    }

    fn client(&self, patience: u64) -> Client {
        let key = Secret::new(format!("key-{}", kernel::random::mark()));
        let patience = Duration::from_millis(patience);
        Client::new(annuaire::fhir::Settings { base: self.base.clone(), key, tls: None, patience }).unwrap()
    }

    /// Each request as an application of its own: the quota is somebody else's test.
    async fn get(&self, path: &str) -> (u16, Value) {
        let request = self.http.get(format!("{}/{path}", self.base));
        let response = request.header("ESANTE-API-KEY", kernel::random::id()).send().await.unwrap();
        let status = response.status().as_u16();
        (status, serde_json::from_str(&response.text().await.unwrap()).unwrap_or_default())
    }

    async fn total(&self, path: &str) -> u64 {
        let (status, bundle) = self.get(path).await;
        assert_eq!(status, 200, "{path}: {bundle}");
        bundle["total"].as_u64().unwrap_or_else(|| panic!("{path}: {bundle}"))
    }

    async fn faults(&self) -> Vec<String> {
        self.journal.barrier().await.unwrap();
        let events = self.journal.events(&journal::Query::default()).await.unwrap();
        let fault = |event: wire::Event| match event.fact {
            Fact::Fault { name, .. } => Some(name),
            _ => None,
        };
        events.into_iter().filter_map(fault).collect()
    }

    async fn searches(&self) -> Vec<(Service, SearchFacts)> {
        self.journal.barrier().await.unwrap();
        let events = self.journal.events(&journal::Query::default()).await.unwrap();
        let search = |event: wire::Event| match event.fact {
            Fact::Search { search } => Some((event.service, search)),
            _ => None,
        };
        events.into_iter().filter_map(search).collect()
    }
}

fn no_tls() -> rustls::ClientConfig {
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth()
}

#[tokio::test]
async fn each_parameter_finds_what_it_should() {
    let lab = Lab::new().await;
    for (path, total) in [
        ("Practitioner", 121),
        ("Practitioner?family=fictif", 121),
        ("Practitioner?family=fictif10", 11),
        ("Practitioner?family:exact=FICTIF10", 1),
        ("Practitioner?family:exact=fictif10", 0),
        ("Practitioner?given=jean-remi&family=FICTIF11", 11),
        ("Practitioner?given=jean%20remi", 0),
        ("Practitioner?given:contains=laure", 1),
        ("Practitioner?name=anne", 1),
        ("Practitioner?family=x,fictif12", 11),
        ("Practitioner?identifier=99900999018", 1),
        ("Practitioner?identifier=https://rpps.esante.gouv.fr%7C99900999018", 1),
        ("Practitioner?identifier=899900999018", 1),
        ("Practitioner?identifier=99900999018&family=nobody", 0),
        ("Practitioner?identifier-type=RPPS&_count=1", 121),
        ("Practitioner?qualification-code=SM04&qualification-code=10", 121),
        ("Practitioner?qualification-code=60", 0),
        ("Practitioner?mailbox-mss=anne-laure.fictif@medecin.mssante.test", 1),
        ("Practitioner?active=true", 121),
        ("Practitioner?number-smartcard=9981099900", 1),
        ("Practitioner?data-registration-authority=CNOM&data-information-system=RPPS", 121),
        ("PractitionerRole", 120),
        ("PractitionerRole?mailbox-mss=personne.17@", 1),
        ("PractitionerRole?practitioner=Practitioner/003-0000001-0000003", 1),
        ("PractitionerRole?organization=001-01-0000003", 1),
        ("PractitionerRole?role=L", 120),
        ("Organization?address-city=montlucon", 122),
        ("Organization?address-postalcode=03&name=cabinet", 120),
        ("Organization?address-line:contains=eglise&name=ch", 2),
        ("Organization?address=03100", 122),
        ("Organization?type=SA01", 2),
        ("Organization?partof=001-02-0000121", 1),
        ("Organization?pharmacy-licence=99%23000001", 0),
        ("Organization?identifier=https://finess.esante.gouv.fr%7C990000001", 1),
        ("HealthcareService?name=cardio", 1),
        ("Device?status=active", 1),
        ("Practitioner?_id=003-0000001-0000001", 1),
    ] {
        assert_eq!(lab.total(path).await, total, "{path}");
    }
}

#[tokio::test]
async fn what_is_not_understood_is_an_outcome_and_never_ignored() {
    let lab = Lab::new().await;
    for (path, status, said) in [
        ("Practitioner?_summary=count", 400, "Parameter _summary not found"),
        ("Practitioner?address-city=x", 400, "address-city"),
        ("Practitioner?family:text=x", 400, ":text"),
        ("Practitioner?mailbox-mss-type=PER", 400, "mailbox-mss-type"),
        ("Practitioner?organization.name=x", 400, "organization.name"),
        ("Practitioner?_has:PractitionerRole:practitioner:role=L", 400, "_has"),
        ("Practitioner?_count=many", 400, "_count"),
        ("Practitioner?_total=all", 400, "_total"),
        ("Practitioner?_include=Practitioner:x", 400, "_include"),
        ("Practitioner?_lastUpdated=ge2020-01-01", 400, "30 days"),
        ("Practitioner?_format=xml", 400, "JSON"),
        ("Patient?name=x", 404, "Patient"),
        ("Practitioner/003-0000001-9999999", 404, "003-0000001-9999999"),
        ("Practitioner/a/b/c", 404, "Nothing"),
        ("_page?id=AAAA", 410, "search again"),
    ] {
        let (given, outcome) = lab.get(path).await;
        assert_eq!((given, outcome["resourceType"].as_str()), (status, Some("OperationOutcome")), "{path}");
        let text = outcome["issue"][0]["diagnostics"].as_str().unwrap_or_default();
        assert!(text.contains(said), "{path}: {text}");
    }
    let url = format!("{}/Practitioner", lab.base);
    let bare = lab.http.get(&url).send().await.unwrap();
    assert_eq!(bare.status(), 401);
    let revoked = lab.http.get(&url).header("ESANTE-API-KEY", "revoked-1").send().await.unwrap();
    assert_eq!(revoked.status(), 403);
    for method in [reqwest::Method::PUT, reqwest::Method::DELETE, reqwest::Method::PATCH] {
        let response = lab.http.request(method, &url).header("ESANTE-API-KEY", "k").send().await.unwrap();
        assert_eq!(response.status(), 403);
    }
    let json = lab.http.post(format!("{url}/_search")).header("ESANTE-API-KEY", "k").body("{}");
    assert_eq!(json.send().await.unwrap().status(), 400);
    let form = lab.http.post(format!("{url}/_search")).header("ESANTE-API-KEY", "k");
    let form = form.header("Content-Type", "application/x-www-form-urlencoded").body("given=anne");
    let bundle: Value = serde_json::from_str(&form.send().await.unwrap().text().await.unwrap()).unwrap();
    assert_eq!(bundle["total"], 1);
}

#[tokio::test]
async fn the_eighteenth_call_of_a_second_is_one_too_many() {
    let lab = Lab::new().await;
    let call = || lab.http.get(format!("{}/metadata", lab.base)).header("ESANTE-API-KEY", "busy").send();
    // Two bursts: a slow machine may spread one over more than a second.
    let mut refused = 0;
    for _ in 0..2 {
        let answers = futures(std::iter::repeat_with(call).take(60)).await;
        refused += answers.iter().filter(|status| **status == 429).count();
    }
    assert!(refused > 0);
    assert_eq!(lab.get("metadata").await.0, 200, "another application has a quota of its own");
}

async fn futures<F>(calls: impl Iterator<Item = F>) -> Vec<u16>
where
    F: Future<Output = reqwest::Result<reqwest::Response>> + Send + 'static,
{
    let tasks: Vec<_> = calls.map(tokio::spawn).collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap().unwrap().status().as_u16());
    }
    answers
}

#[tokio::test]
async fn pages_are_followed_to_the_end_without_a_gap_or_a_repetition() {
    let lab = Lab::new().await;
    let client = lab.client(5_000);
    let mut page = client.search("PractitionerRole", &[("role", "L"), ("_count", "25")]).await.unwrap();
    assert_eq!((page.matches.len(), page.total, page.has_next()), (25, Some(120), true));
    let mut ids: Vec<String> = page.matches.iter().map(|one| one.id.clone()).collect();
    lab.sandbox.publish(&person(500));
    while let Some(next) = client.next(&page).await.unwrap() {
        ids.extend(next.matches.iter().map(|one| one.id.clone()));
        page = next;
    }
    let mut once = ids.clone();
    once.dedup();
    assert_eq!((ids.len(), once.len(), page.total), (121, 121, Some(121)));

    let along = client
        .all(
            "Practitioner",
            &[("family:exact", "FICTIF17"), ("_revinclude", "PractitionerRole:practitioner")],
            10,
        )
        .await
        .unwrap();
    let kinds: Vec<&str> = along.iter().map(|one| one.kind.as_str()).collect();
    assert_eq!(kinds, ["Practitioner", "PractitionerRole"]);
    assert_eq!((along[0].rpps.as_str(), along[0].given.as_str()), ("99900000017", "Jean-Rémi"));
    assert_eq!(along[1].mailboxes[0].kind, Some(BoxType::Per));
    let places = client.all(
        "PractitionerRole",
        &[("mailbox-mss", "personne.17@"), ("_include", "PractitionerRole:organization")],
        10,
    );
    assert_eq!(places.await.unwrap()[1].city, "MONTLUÇON");
    let parent =
        client.all("Organization", &[("name", "ch d"), ("_include", "Organization:partof")], 10).await;
    assert_eq!(parent.unwrap().len(), 2);
    let below = [
        ("type", "SA01"),
        ("_revinclude", "Device:organization"),
        ("_revinclude", "HealthcareService:organization"),
    ];
    assert_eq!(client.all("Organization", &below, 10).await.unwrap().len(), 4);
    let failure = client.all("Practitioner", &[], 10).await.unwrap_err();
    assert!(failure.message.contains("more than 10"), "{failure}");

    let (_, narrow) = lab.get("Practitioner?given=anne&_elements=identifier,telecom").await;
    let resource = &narrow["entry"][0]["resource"];
    assert_eq!(resource["meta"]["tag"][0]["code"], "SUBSETTED");
    assert!(resource["name"].is_null() && resource["telecom"][0]["value"] == BOX);
    let (_, counted) = lab.get("Practitioner?_count=0").await;
    assert!(counted["total"] == 121 + 1 && counted["entry"].is_null(), "{counted}");
    let (_, silent) = lab.get("Practitioner?_total=none").await;
    assert!(silent["total"].is_null());
    let (_, statement) = lab.get("metadata").await;
    assert_eq!(statement["fhirVersion"], "4.0.1");
}

#[tokio::test]
async fn an_address_is_verified_now() {
    let lab = Lab::new().await;
    let client = lab.client(5_000);
    let Live::Listed(holders) = client.verify_address(&BOX.to_uppercase()).await.unwrap() else { panic!() };
    assert_eq!((holders[0].name.as_str(), holders[0].rpps.as_str()), ("Anne-Laure FICTIF", "99900999018"));
    assert_eq!((holders[0].mailbox.paperless, holders[0].kind.as_str()), (Some(true), "Practitioner"));
    let Live::Listed(holders) = client.verify_address("personne.17@medecin.mssante.test").await.unwrap()
    else {
        panic!()
    };
    assert_eq!(
        (holders[0].name.as_str(), holders[0].kind.as_str()),
        ("Jean-Rémi FICTIF17", "PractitionerRole")
    );
    let Live::Listed(holders) =
        client.verify_address("secretariat.cardio@ch-essai.mssante.test").await.unwrap()
    else {
        panic!()
    };
    assert_eq!(
        (holders[0].name.as_str(), holders[0].mailbox.service.as_str()),
        ("CH D ESSAI", "Cardiologie")
    );
    assert_eq!(client.verify_address("anne-laure.fictif@medecin.mssante.tes").await.unwrap(), Live::Absent);

    assert!(lab.sandbox.withdraw(BOX) && !lab.sandbox.withdraw(BOX));
    assert_eq!(client.verify_address(BOX).await.unwrap(), Live::Absent);
    let now = Clock::system().now();
    let since = now.checked_sub(Duration::from_secs(3_600)).unwrap();
    let gone = client.changes("Practitioner", since, now, 1_000).await.unwrap();
    let gone = gone.iter().find(|one| one.rpps == "99900999018").unwrap();
    assert!(!gone.active && gone.family.is_empty(), "{gone:?}");

    for text in ["", "anne", "a@", "@b", "a b@c", "a@b@c"] {
        assert_eq!(client.verify_address(text).await.unwrap_err().stage, Stage::Input, "{text}");
    }
}

#[tokio::test]
async fn an_outage_is_never_an_empty_result() {
    let lab = Lab::new().await;
    for (fault, stage, said) in [
        (Fault::TooManyRequests, Stage::Command, "429"),
        (Fault::Unavailable, Stage::Command, "503"),
        (Fault::Unauthorized, Stage::Authenticate, "key"),
        (Fault::Html, Stage::Command, "HTML"),
        (Fault::CutJson, Stage::Command, "cannot be read"),
        (Fault::Empty, Stage::Command, "lists nobody at all"),
    ] {
        let armed = lab.sandbox.arm(fault, 100);
        let failure = lab.client(5_000).verify_address(BOX).await.unwrap_err();
        assert!(failure.stage == stage && failure.message.contains(said), "{fault}: {failure}");
        assert!(armed.left() < 100);
    }
    let _slow = lab.sandbox.arm(Fault::Slow, 1);
    let failure = lab.client(100).verify_address(BOX).await.unwrap_err();
    assert!(failure.message.contains("in time") && failure.is_retryable(), "{failure}");
    // It left before the answer, and has met the fault all the same.
    let met = async {
        while !lab.faults().await.contains(&"slow".to_owned()) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), met).await.expect("the fault is in the journal");
    let once = lab.sandbox.arm(Fault::Unavailable, 1);
    assert!(lab.client(5_000).verify_address(BOX).await.unwrap().is_listed(), "one 503 with Retry-After: 1");
    drop(once);
    let client = lab.client(5_000);
    let page = client.search("Practitioner", &[]).await.unwrap();
    let _expired = lab.sandbox.arm(Fault::PageExpired, 1);
    assert!(client.next(&page).await.unwrap_err().message.contains("410"));
    let nobody = Client::new(annuaire::fhir::Settings {
        base: "http://127.0.0.1:9/fhir/v2".into(),
        key: Secret::new("k".into()),
        tls: None,
        patience: Duration::from_secs(2),
    });
    let failure = nobody.unwrap().verify_address(BOX).await.unwrap_err();
    assert!(failure.stage == Stage::Connect && failure.is_retryable(), "{failure}");
}

#[tokio::test]
async fn the_journal_knows_who_was_looked_for_and_found_and_never_the_key() {
    let lab = Lab::new().await;
    let key = "a-key-that-nobody-may-see";
    let url = format!("{}/PractitionerRole?mailbox-mss:contains=personne.17&_count=3", lab.base);
    lab.http.get(url).header("ESANTE-API-KEY", key).send().await.unwrap();
    let _armed = lab.sandbox.arm(Fault::Empty, 1);
    lab.get("Practitioner?family=fictif").await;
    let searches = lab.searches().await;
    let (service, first) = &searches[0];
    assert_eq!(*service, Service::Directory);
    assert_eq!(first.resource, "PractitionerRole");
    assert_eq!(first.parameters[0], ("mailbox-mss:contains".into(), "personne.17".into()));
    assert_eq!((first.status, first.found), (200, 1));
    assert_eq!(first.addresses, ["personne.17@medecin.mssante.test"]);
    assert_eq!(first.key_sha256, Some(kernel::sha256_hex(key.as_bytes())));
    assert_eq!((searches[1].1.found, searches[1].1.addresses.len()), (0, 0));
    let events = lab.journal.events(&journal::Query::default()).await.unwrap();
    let text = format!("{events:?}");
    assert!(!text.contains(key) && text.contains("unreliable in production"), "{text}");
    let fault = events.iter().any(|event| {
        matches!(&event.fact, Fact::Fault { point, name, nth: 1, .. } if point == "directory" && name == "empty")
    });
    assert!(fault, "{text}");
}
