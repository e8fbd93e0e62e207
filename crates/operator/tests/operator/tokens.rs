//! The first token is refused, the next one is not (spec 01 §3.3).

use std::time::Duration;

use rules::{Check, LoginAccepted, Outcome, Protocol, TokenRenewed};

use crate::lab::{IDENTITY, Lab, OTHER, PER, run};

const CLIENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/operator/clients.py");
const PROTOCOLS: [(Protocol, &str); 2] = [(Protocol::Imap, "imap"), (Protocol::Smtp, "smtp")];

/// Logs in with each token in turn, each on a connection of its own, and gives what the client saw.
async fn present(lab: &Lab, number: i64, protocol: Protocol, tokens: &[&str]) -> Vec<String> {
    let doors = lab.operator.open_private(number).await.unwrap();
    let (name, port) = match protocol {
        Protocol::Imap => ("imap", doors.imap_port.to_string()),
        Protocol::Smtp => ("smtp", doors.smtp_port.to_string()),
    };
    let input: String = tokens.iter().map(|token| format!("{PER} {token}\n")).collect();
    let (output, text) =
        run("python3", &[CLIENTS, "login", name, &port, lab.ca.to_str().unwrap()], &input).await;
    assert!(output.status.success(), "{text}");
    doors.close().await;
    text.lines().map(str::to_owned).collect()
}

async fn renewed(lab: &Lab, number: i64, protocol: Protocol) -> Check {
    lab.judge(number, |seen| TokenRenewed { requirement: "SC.MSS/CONF.11", protocol }.check(seen)).await
}

#[tokio::test]
async fn a_client_that_renews_passes() {
    for (protocol, _) in PROTOCOLS {
        let lab = Lab::new().await;
        let (first, second) = (lab.token(IDENTITY, None), lab.token(IDENTITY, None));
        let armed = lab.operator.refuse_first_token(&PER.to_uppercase());
        let seen = present(&lab, 1, protocol, &[&first, &second]).await;
        assert!(seen[0].starts_with("refused") && seen[1] == "accepted", "{seen:?}");
        assert_eq!(armed.token_sha256(), Some(kernel::sha256_hex(first.as_bytes())));
        assert_eq!(lab.outcomes().await, ["token_refused", "accepted"]);
        let check = renewed(&lab, 1, protocol).await;
        assert_eq!(check.outcome, Outcome::Passed, "{check:?}");
        let login = LoginAccepted { requirement: "SC.MSS/CONF.07", protocol, mailbox: PER };
        assert_eq!(lab.judge(1, |seen| login.check(seen)).await.outcome, Outcome::Passed);
        // As spec 01 §3.3 has it: the JSON status, then the refusal.
        let lines = match protocol {
            Protocol::Imap => ["+ eyJzdGF0dXMiOiI0MDEi", "NO [AUTHENTICATIONFAILED]"],
            Protocol::Smtp => ["334 eyJzdGF0dXMiOiI0MDEi", "535 5.7.8"],
        };
        for line in lines {
            assert!(lab.said(line).await, "{line}");
        }
        let journal = format!("{:?}", lab.events().await);
        assert!(!journal.contains(&first) && !journal.contains(&second));
    }
}

#[tokio::test]
async fn a_client_that_insists_or_gives_up_fails() {
    for (protocol, _) in PROTOCOLS {
        let lab = Lab::new().await;
        let token = lab.token(IDENTITY, None);
        let armed = lab.operator.refuse_first_token(PER);
        let seen = present(&lab, 1, protocol, &[&token, &token]).await;
        assert!(seen.iter().all(|line| line.starts_with("refused")), "{seen:?}");
        let check = renewed(&lab, 1, protocol).await;
        assert_eq!((check.outcome, check.received.fr.as_str()), (Outcome::Failed, "Jeton refusé réutilisé"));

        drop(armed);
        assert_eq!(present(&lab, 2, protocol, &[&token]).await, ["accepted"]);
        assert_eq!(renewed(&lab, 2, protocol).await.outcome, Outcome::Inconclusive);

        let _armed = lab.operator.refuse_first_token(PER);
        present(&lab, 3, protocol, &[&token]).await;
        let check = renewed(&lab, 3, protocol).await;
        assert!(
            check.outcome == Outcome::Failed && check.received.fr.contains("pas de nouvelle connexion"),
            "{check:?}"
        );
    }
}

#[tokio::test]
async fn strangers_and_rubbish_do_not_use_up_the_refusal_but_an_expired_token_does() {
    let lab = Lab::new().await;
    let (stranger, good, next) =
        (lab.token(OTHER, None), lab.token(IDENTITY, None), lab.token(IDENTITY, None));
    let gone = lab.token(OTHER, Some(Duration::ZERO));
    let armed = lab.operator.refuse_first_token(PER);
    present(&lab, 1, Protocol::Imap, &["rubbish", &stranger, &gone]).await;
    assert_eq!(armed.token_sha256(), None);
    assert_eq!(lab.outcomes().await, ["token_malformed", "wrong_identity", "token_expired"]);
    present(&lab, 2, Protocol::Imap, &[&good, &next, &good]).await;
    assert_eq!(lab.outcomes().await[3..], ["token_refused", "accepted", "token_refused"]);

    let armed_again = lab.operator.refuse_first_token(PER);
    drop(armed);
    let expired = lab.token(IDENTITY, Some(Duration::ZERO));
    present(&lab, 3, Protocol::Imap, &[&expired, &good]).await;
    assert_eq!(lab.outcomes().await[6..], ["token_expired", "accepted"]);
    assert_eq!(armed_again.token_sha256(), Some(kernel::sha256_hex(expired.as_bytes())));
    assert_eq!(renewed(&lab, 3, Protocol::Imap).await.outcome, Outcome::Passed);
}
