//! Faults on the ports of a run and on the fixed ones, met by Python's clients.

use std::io;

use faults::Plan;
use operator::{Listener, Operator, PrivateListeners};
use sasl::Offer;
use tokio::net::TcpListener;
use tokio::sync::watch;
use wire::Fact;

use crate::lab::{IDENTITY, Lab, PER, run};

const CLIENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/operator/clients.py");

fn plan(script: &str) -> Plan {
    Plan::new(script.parse().unwrap(), 1)
}

async fn doors(lab: &Lab, plan: &Plan) -> io::Result<PrivateListeners> {
    lab.operator.open_private_faulty(7, Offer::default(), plan.clone()).await
}

/// What Python's client says of one login.
async fn login(lab: &Lab, protocol: &str, port: u16) -> String {
    let token = lab.token(IDENTITY, None);
    let arguments = [CLIENTS, "login", protocol, &port.to_string(), lab.ca.to_str().unwrap()];
    run("python3", &arguments, &format!("{PER} {token}\n")).await.1
}

async fn faults(lab: &Lab) -> Vec<String> {
    let fact = |fact| {
        if let Fact::Fault { point, what, .. } = fact { Some(format!("{point}: {what}")) } else { None }
    };
    lab.events().await.into_iter().filter_map(|event| fact(event.fact)).collect()
}

#[tokio::test]
async fn a_run_has_four_doors_and_one_plan() {
    let lab = Lab::new().await;
    let plan = plan(
        "[[fault]]\nname = \"mail\"\nat = \"greeting\"\nprotocol = \"imap\"\ntimes = 2\ndo = \"cut\"\n\
         [[fault]]\nname = \"post\"\nat = \"greeting\"\nprotocol = \"smtp\"\ntimes = 2\ndo = \"cut\"\n",
    );
    let doors = doors(&lab, &plan).await.unwrap();
    for (protocol, port) in [
        ("imap", doors.imap_port),
        ("imaps", doors.imaps_port),
        ("smtp", doors.smtp_port),
        ("smtps", doors.smtps_port),
    ] {
        let seen = login(&lab, protocol, port).await;
        assert!(seen.contains("EOF") || seen.contains("closed"), "{protocol}: {seen}");
    }
    for (protocol, port) in
        [("imaps", doors.imaps_port), ("smtps", doors.smtps_port), ("smtp", doors.smtp_port)]
    {
        assert_eq!(login(&lab, protocol, port).await.trim(), "accepted", "{protocol}");
    }
    assert!(plan.report().iter().all(|reached| reached.healed), "{:?}", plan.report());
    assert_eq!(faults(&lab).await, ["greeting: cut"; 4]);
    doors.close().await;
}

#[tokio::test]
async fn a_certificate_of_the_tls_lab_is_shown_for_a_while() {
    let lab = Lab::new().await;
    let plan = plan("[[fault]]\nat = \"handshake\"\ntimes = 2\ndo = { tls = \"expired\" }\n");
    let doors = doors(&lab, &plan).await.unwrap();
    for (protocol, port) in [("imaps", doors.imaps_port), ("smtp", doors.smtp_port)] {
        let seen = login(&lab, protocol, port).await;
        assert!(seen.contains("certificate has expired"), "{protocol}: {seen}");
    }
    assert_eq!(login(&lab, "imaps", doors.imaps_port).await.trim(), "accepted");
    assert_eq!(faults(&lab).await, ["handshake: tls expired"; 2]);
}

#[tokio::test]
async fn a_server_that_the_tls_lab_does_not_know_opens_no_door() {
    let lab = Lab::new().await;
    let plan = plan("[[fault]]\nat = \"handshake\"\ndo = { tls = \"expird\" }\n");
    let error = doors(&lab, &plan).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    assert!(error.to_string().contains("expired"), "{error}");
}

async fn fixed(operator: &Operator) -> (u16, watch::Sender<bool>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (close, shutdown) = watch::channel(false);
    drop(operator.serve(listener, Listener::Imaps, None, shutdown));
    (port, close)
}

#[tokio::test]
async fn what_is_armed_on_a_fixed_port_ends_with_its_guard_and_with_the_process() {
    let lab = Lab::new().await;
    let script = "[[fault]]\nat = \"login\"\ntimes = 0\ndo = { answer = \"NO [UNAVAILABLE] Later\" }\n";
    let (port, _close) = fixed(&lab.operator).await;
    let guard = lab.operator.faults().arm(PER, plan(script)).unwrap();
    assert!(login(&lab, "imaps", port).await.contains("[UNAVAILABLE] Later"));
    drop(guard);
    assert_eq!(login(&lab, "imaps", port).await.trim(), "accepted");

    // A process that crashed never dropped its guard.
    std::mem::forget(lab.operator.faults().arm(PER, plan(script)).unwrap());
    assert!(login(&lab, "imaps", port).await.contains("[UNAVAILABLE] Later"));
    let restarted = lab.reopened().await;
    assert!(restarted.faults().is_empty());
    let (port, _close) = fixed(&restarted).await;
    assert_eq!(login(&lab, "imaps", port).await.trim(), "accepted");
    assert_eq!(lab.outcomes().await, ["unavailable", "accepted", "unavailable", "accepted"]);
}
