//! Ports on which TLS 1.1 is all that is offered (SC.MSS/CONF.01).

use rules::{Check, OldTlsRefused, Outcome, Protocol, StartTls, TlsOffered};

use crate::lab::{Lab, run};

const CLIENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/operator/clients.py");

async fn refused(lab: &Lab, run: i64, protocol: Protocol) -> Check {
    lab.judge(run, |seen| OldTlsRefused { requirement: "SC.MSS/CONF.01", protocol }.check(seen)).await
}

#[tokio::test]
async fn python_is_judged_by_what_it_takes() {
    let lab = Lab::new().await;
    let ca = lab.ca.to_str().unwrap();
    for (number, protocol, how, outcome) in [
        (1, Protocol::Imap, "default", Outcome::Passed),
        (2, Protocol::Smtp, "default", Outcome::Passed),
        (3, Protocol::Imap, "low", Outcome::Failed),
        (4, Protocol::Smtp, "low", Outcome::Failed),
    ] {
        let doors = lab.operator.open_old_tls(number).await.unwrap();
        let (name, port) = match protocol {
            Protocol::Imap => ("imap", doors.imap_port.to_string()),
            Protocol::Smtp => ("smtp", doors.smtp_port.to_string()),
        };
        let (_, text) = run("python3", &[CLIENTS, "old", name, &port, ca, how], "").await;
        assert!(text.contains("SSL"), "{text}");
        doors.close().await;
        let check = refused(&lab, number, protocol).await;
        assert_eq!(check.outcome, outcome, "{name} {how}: {check:?}\n{text}");
        assert!(check.decided_by.is_some());
        // The connection says nothing of STARTTLS, and its ClientHello is judged all the same.
        let starttls = |seen: &rules::Transcript<'_>| StartTls { requirement: "x", protocol }.check(seen);
        assert_eq!(lab.judge(number, starttls).await.outcome, Outcome::Inconclusive);
        let offered = |seen: &rules::Transcript<'_>| TlsOffered { requirement: "x", protocol }.check(seen);
        assert_eq!(lab.judge(number, offered).await.outcome, outcome);
    }
}

#[tokio::test]
async fn openssl_and_curl_are_judged_by_what_they_take() {
    let lab = Lab::new().await;
    let ca = lab.ca.to_str().unwrap();
    let doors = lab.operator.open_old_tls(1).await.unwrap();
    let connect = format!("localhost:{}", doors.imap_port);
    let old = ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"];
    let (_, text) =
        run("openssl", &[&["s_client", "-connect", &connect, "-starttls", "imap"], &old[..]].concat(), "")
            .await;
    doors.close().await;
    let check = refused(&lab, 1, Protocol::Imap).await;
    assert!(
        check.outcome == Outcome::Failed && check.received.fr.contains("ClientKeyExchange"),
        "{check:?}\n{text}"
    );

    for (number, version, outcome) in [(2, "--tlsv1.2", Outcome::Passed), (3, "--tlsv1.0", Outcome::Failed)] {
        let doors = lab.operator.open_old_tls(number).await.unwrap();
        let url = format!("imap://localhost:{}/", doors.imap_port);
        let arguments =
            ["-q", "--noproxy", "*", "--ssl-reqd", version, "--cacert", ca, "--max-time", "10", &url];
        let (output, text) = run("curl", &arguments, "").await;
        assert!(!output.status.success());
        doors.close().await;
        let check = refused(&lab, number, Protocol::Imap).await;
        assert_eq!(check.outcome, outcome, "{version}: {check:?}\n{text}");
    }
}

#[tokio::test]
async fn who_does_not_come_proves_nothing_and_healthy_ports_are_unaffected() {
    let lab = Lab::new().await;
    let old = lab.operator.open_old_tls(1).await.unwrap();
    let healthy = lab.operator.open_private(1).await.unwrap();
    let token = lab.token(crate::lab::IDENTITY, None);
    let port = healthy.imap_port.to_string();
    let arguments = [CLIENTS, "login", "imap", &port, lab.ca.to_str().unwrap()];
    let (_, text) = run("python3", &arguments, &format!("{} {token}\n", crate::lab::PER)).await;
    assert_eq!(text.trim(), "accepted");
    old.close().await;
    healthy.close().await;
    let check = refused(&lab, 1, Protocol::Imap).await;
    assert_eq!(check.outcome, Outcome::Inconclusive);
    assert!(check.received.fr.contains("n’est pas venu"), "{check:?}");
}
