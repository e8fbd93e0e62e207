//! *Nœuds*, and what is looked at before a window opens.

use std::fs;
use std::time::{Duration, Instant};

use bench::Product;
use bench::adapter::Adapter;
use bench::desk::{NodeState, PreflightStep, ProductEdit, is_probe};
use bench::scenario::Scenario;
use rules::Transcript;

use crate::lab::Lab;

#[tokio::test]
async fn every_service_answers_or_says_why_not() {
    let mut lab = Lab::new().await;
    let nodes = lab.bench.nodes().await;
    let states: Vec<_> = nodes.iter().map(|node| (node.id, node.state)).collect();
    let up = ["banc", "imap", "imaps", "smtp", "smtps", "psc", "pki"].map(|id| (id, NodeState::Up));
    let absent = ["dns", "annuaire", "lps"].map(|id| (id, NodeState::Absent));
    assert_eq!(states, [up.as_slice(), &absent].concat(), "{nodes:#?}");
    assert!(nodes[1].detail.starts_with("* OK") && nodes[3].detail.starts_with("220"), "{nodes:#?}");
    assert!(nodes[5].detail.contains("200") && nodes[6].detail.contains("200"), "{nodes:#?}");
    assert_eq!(nodes[1].address, format!("localhost:{}", lab.imap));
    for node in &nodes {
        println!("{}: {:?}", node.id, node.took);
    }

    lab.stop_services().await;
    let start = Instant::now();
    let nodes = lab.bench.nodes().await;
    assert!(start.elapsed() < Duration::from_secs(3));
    for node in &nodes[1..7] {
        assert_eq!(node.state, NodeState::Down, "{node:?}");
        assert!(node.detail.contains("refusée"), "{node:?}");
    }
}

#[tokio::test]
async fn a_service_that_says_nothing_is_given_up_after_a_second() {
    let mut lab = Lab::new().await;
    lab.stop_services().await;
    let silent = tokio::net::TcpListener::bind(("127.0.0.1", lab.imap)).await.unwrap();
    let start = Instant::now();
    let nodes = lab.bench.nodes().await;
    assert!(start.elapsed() < Duration::from_secs(3));
    assert_eq!((nodes[1].state, nodes[1].detail.as_str()), (NodeState::Down, "pas de réponse en 1 s"));
    drop(silent);
}

#[tokio::test]
async fn a_probe_is_told_from_a_client() {
    let lab = Lab::new().await;
    let product = lab.product("2621", "899700000018", "163254178").await;
    let job = lab.bench.catalogue().find("psc-auth-imap").unwrap().clone();
    lab.bench.nodes().await;
    lab.bench.preflight(&product, &job, None).await.unwrap();
    let journal = lab.operator.journal();
    journal.barrier().await.unwrap();
    let events = journal.events(&journal::Query::default()).await.unwrap();
    let transcript = Transcript::new(&events);
    assert!(transcript.connections().len() >= 5);
    for connection in transcript.connections() {
        assert!(is_probe(connection), "{connection:#?}");
        assert_eq!(connection.logins().count(), 0);
    }
}

fn faults(steps: &[PreflightStep]) -> Vec<&'static str> {
    steps.iter().filter(|step| step.fault.is_some()).map(|step| step.id).collect()
}

#[tokio::test]
async fn a_healthy_bench_passes_its_preflight_quickly() {
    let lab = Lab::new().await;
    let product = lab.product("2621", "899700000018", "163254178").await;
    for (job, expected) in [
        ("psc-auth-imap", ["address", "port", "tls", "token", "mailbox"].as_slice()),
        ("cert-auth-smtp", &["address", "port", "tls", "certificate", "mailbox"]),
    ] {
        let job = lab.bench.catalogue().find(job).unwrap().clone();
        let steps = lab.bench.preflight(&product, &job, None).await.unwrap();
        assert_eq!(steps.iter().map(|step| step.id).collect::<Vec<_>>(), expected);
        assert_eq!(faults(&steps), [""; 0], "{steps:#?}");
        assert!(steps.iter().all(|step| step.next.is_empty() && !step.subject.is_empty()));
        let start = Instant::now();
        for _ in 0..10 {
            lab.bench.preflight(&product, &job, None).await.unwrap();
        }
        println!("preflight of {}: {:?} each", job.id, start.elapsed() / 10);
        for step in steps {
            println!("  {}: {:?}", step.id, step.took);
        }
    }
    let all = lab.bench.catalogue().find("segur-v2-parcours").unwrap().clone();
    let steps = lab.bench.preflight(&product, &all, None).await.unwrap();
    assert_eq!(faults(&steps), [""; 0], "{steps:#?}");
}

async fn look(lab: &Lab, product: &Product, job: &Scenario) -> Vec<PreflightStep> {
    let steps = lab.bench.preflight(product, job, None).await.unwrap();
    for step in steps.iter().filter(|step| step.fault.is_some()) {
        assert!(!step.next.is_empty(), "{step:?}");
    }
    steps
}

/// What is found after the product was saved as it is, which is what the step says to do.
async fn after_saving(lab: &Lab, product: &Product, job: &Scenario) -> Vec<PreflightStep> {
    let same = ProductEdit {
        name: product.name.clone(),
        version: product.version.clone(),
        kind: product.kind,
        psc_identity: product.psc_identity.clone(),
        app_identity: product.app_identity.clone(),
        course: String::new(),
        procedure: String::new(),
        status: String::new(),
    };
    lab.bench.edit_product(&product.nil, same).await.unwrap();
    look(lab, product, job).await
}

#[tokio::test]
async fn each_fault_is_found_at_its_step_with_what_to_do() {
    let mut lab = Lab::new().await;
    let product = lab.product("2621", "899700000018", "163254178").await;
    let catalogue = lab.bench.catalogue().clone();
    let (psc, cert) =
        (catalogue.find("psc-nil").unwrap().clone(), catalogue.find("cert-nil").unwrap().clone());

    // The certificate: of another product, unreadable, with another key, without its key. Saving the product mends each.
    let other = lab.product("2622", "899700000019", "163254179").await;
    let (mine, theirs) = (lab.data.join("products/2621"), lab.data.join("products/2622"));
    fs::copy(theirs.join("auth_cli.pem"), mine.join("auth_cli.pem")).unwrap();
    let steps = look(&lab, &product, &cert).await;
    assert_eq!(faults(&steps), ["certificate"]);
    assert!(steps[3].fault.as_ref().unwrap().contains("163254179"), "{steps:#?}");
    assert_eq!(faults(&look(&lab, &product, &psc).await), [""; 0], "another job does not need it");
    assert_eq!(faults(&after_saving(&lab, &product, &cert).await), [""; 0]);
    assert_eq!(faults(&look(&lab, &other, &cert).await), [""; 0]);
    fs::write(mine.join("auth_cli.pem"), "rubbish").unwrap();
    assert_eq!(faults(&look(&lab, &product, &cert).await), ["certificate"]);
    assert_eq!(faults(&after_saving(&lab, &product, &cert).await), [""; 0]);
    fs::copy(theirs.join("auth_cli.key"), mine.join("auth_cli.key")).unwrap();
    let steps = look(&lab, &product, &cert).await;
    assert!(steps[3].fault.as_ref().unwrap().contains("ne vont pas ensemble"), "{steps:#?}");
    assert_eq!(faults(&after_saving(&lab, &product, &cert).await), [""; 0]);
    fs::remove_file(mine.join("auth_cli.key")).unwrap();
    assert_eq!(faults(&look(&lab, &product, &cert).await), ["certificate"]);
    assert_eq!(faults(&after_saving(&lab, &product, &cert).await), [""; 0]);

    // A product that is registered nowhere, and one whose identity PSC has forgotten.
    let mut stranger = product.clone();
    stranger.psc_address = format!("nobody@{}", crate::lab::DOMAIN);
    assert_eq!(faults(&look(&lab, &stranger, &psc).await), ["mailbox"]);
    stranger.psc_address.clone_from(&other.psc_address);
    assert_eq!(faults(&look(&lab, &stranger, &psc).await), ["mailbox"]);
    lab.psc.remove_identity("899700000018");
    assert_eq!(faults(&look(&lab, &product, &psc).await), ["token"]);
    assert_eq!(faults(&after_saving(&lab, &product, &psc).await), [""; 0]);

    let adapter = Adapter { argv: vec!["./missing".into()], dir: lab.data.clone() };
    let steps = lab.bench.preflight(&product, &cert, Some(&adapter)).await.unwrap();
    assert_eq!(faults(&steps), ["adapter"]);
    let adapter = Adapter { argv: vec!["sh".into()], dir: lab.data.clone() };
    let steps = lab.bench.preflight(&product, &cert, Some(&adapter)).await.unwrap();
    assert_eq!((faults(&steps), steps.last().unwrap().id), (vec![], "adapter"));

    lab.stop_services().await;
    let steps = look(&lab, &product, &cert).await;
    assert_eq!(faults(&steps), ["port"]);
    assert!(steps.iter().all(|step| step.id != "tls"), "what could not be looked at is not told");
}

#[tokio::test]
async fn a_job_that_needs_the_dns_has_it_looked_at() {
    let mut lab = Lab::new().await;
    let product = lab.product("2621", "899700000018", "163254178").await;
    let mut job = lab.bench.catalogue().find("psc-auth-imap").unwrap().clone();
    assert!(look(&lab, &product, &job).await.iter().all(|step| step.id != "dns"));
    job.needs.push("dns".into());
    let steps = look(&lab, &product, &job).await;
    assert_eq!((steps[3].id, faults(&steps)), ("dns", vec![]), "{steps:#?}");
    assert!(steps[3].subject.ends_with(crate::lab::DOMAIN), "{steps:#?}");
    for (fault, word) in [("nxdomain", "ne dit pas où est"), ("silent", "ne répond pas")] {
        let _guard = lab.dns.arm(crate::lab::DOMAIN, fault.parse().unwrap(), None).unwrap();
        let steps = look(&lab, &product, &job).await;
        assert_eq!(faults(&steps), ["dns"]);
        assert!(steps[3].fault.as_ref().unwrap().contains(word), "{steps:#?}");
    }
    lab.stop_services().await;
    assert!(faults(&look(&lab, &product, &job).await).contains(&"dns"));
}
