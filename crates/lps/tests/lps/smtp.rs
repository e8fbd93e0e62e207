use std::sync::Arc;

use kernel::{Clock, RetryClass, Secret, Stage};
use lps::{Credentials, Outcome, Security, SmtpSession, TokenSource};
use mss::Address;
use tls::{ClientTrust, Lab};

use crate::peer::{Peer, Psc, Server, address, lab, patience, sasl_line, token, trust};

const REFUSED: &str = "eyJzdGF0dXMiOiI0MDEiLCJzY2hlbWVzIjoiYmVhcmVyIiwic2NvcGUiOiJtYWlsIn0=";
const MAIL: &[u8] = b"Subject: x\r\n\r\n.dot\r\nend\r\n";

fn bare(secret: &Secret<String>) -> Credentials {
    Credentials::Xoauth2(TokenSource::new(secret.clone(), None, Clock::system()))
}

fn to() -> Vec<Address> {
    vec![Address::parse("a@mail.example.test").unwrap(), Address::parse("b@mail.example.test").unwrap()]
}

/// A server whose logins succeed; `after` plays what follows.
async fn logged_in<F, Fut>(lab: &Lab, after: F) -> (Server, SmtpSession)
where
    F: Fn(Peer) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let (acceptor, after) = (lab.acceptor(), Arc::new(after));
    let server = Server::start(move |_, peer| {
        let (acceptor, after) = (acceptor.clone(), Arc::clone(&after));
        async move {
            let Some(mut peer) = peer.smtp_tls(&acceptor).await else { return };
            assert_eq!(peer.smtp_auth().await, sasl_line(&token("a")));
            peer.say("235 2.7.0 in\r\n").await;
            after(peer).await;
        }
    })
    .await;
    let endpoint = server.endpoint(Security::StartTls);
    let session =
        SmtpSession::open(&endpoint, &address(), &bare(&token("a")), &trust(lab), patience()).await.unwrap();
    (server, session)
}

async fn envelope(peer: &mut Peer) {
    assert_eq!(peer.line().await, format!("MAIL FROM:<{}> SIZE={}", address(), MAIL.len()));
    peer.say("250 2.1.0 ok\r\n").await;
    for recipient in to() {
        assert_eq!(peer.line().await, format!("RCPT TO:<{recipient}>"));
        peer.say("250 2.1.5 ok\r\n").await;
    }
    assert_eq!(peer.line().await, "DATA");
    peer.say("354 go\r\n").await;
}

#[tokio::test]
async fn without_starttls_no_credential_is_sent() {
    let (lab, secret) = (lab(), token("a"));
    let server = Server::start(|_, mut peer| async move {
        peer.say("220 mail.example.test ESMTP\r\n").await;
        let ehlo = peer.line().await;
        assert_eq!(ehlo, "EHLO [127.0.0.1]", "the workstation's name stays at home");
        peer.say("250-mail.example.test\r\n250 AUTH XOAUTH2\r\n").await;
        peer.line().await;
    })
    .await;
    let endpoint = server.endpoint(Security::StartTls);
    let failure =
        SmtpSession::open(&endpoint, &address(), &bare(&secret), &trust(&lab), patience()).await.unwrap_err();
    assert_eq!((failure.stage, failure.retry), (Stage::Tls, RetryClass::Never));
    assert!(!server.heard_credentials(&secret), "{:?}", server.heard());
}

#[tokio::test]
async fn bytes_injected_after_starttls_end_the_session() {
    let (lab, secret) = (lab(), token("a"));
    let acceptor = lab.acceptor();
    let server = Server::start(move |_, mut peer| {
        let acceptor = acceptor.clone();
        async move {
            peer.say("220 x\r\n").await;
            peer.line().await;
            peer.say("250-x\r\n250 STARTTLS\r\n").await;
            peer.line().await;
            peer.say("220 go\r\n250-x\r\n250 AUTH XOAUTH2\r\n").await;
            if let Some(mut peer) = peer.tls(&acceptor).await {
                peer.line().await;
            }
        }
    })
    .await;
    let endpoint = server.endpoint(Security::StartTls);
    let failure =
        SmtpSession::open(&endpoint, &address(), &bare(&secret), &trust(&lab), patience()).await.unwrap_err();
    assert_eq!((failure.stage, failure.retry), (Stage::Tls, RetryClass::Never));
    assert!(failure.message.contains("in clear"), "{failure}");
    assert!(!server.heard_credentials(&secret));
}

/// The way of a real MSSanté operator: the JSON challenge, then it hangs up.
#[tokio::test]
async fn a_challenge_then_a_disconnection_is_a_refusal_with_one_refresh() {
    let lab = lab();
    for second_is_good in [true, false] {
        let psc = Psc::giving(&lab, &token("second")).await;
        let acceptor = lab.acceptor();
        let server = Server::start(move |_, peer| {
            let acceptor = acceptor.clone();
            async move {
                let Some(mut peer) = peer.smtp_tls(&acceptor).await else { return };
                let response = peer.smtp_auth().await;
                if second_is_good && response == sasl_line(&token("second")) {
                    peer.say("235 2.7.0 in\r\n").await;
                    peer.line().await;
                    peer.say("221 2.0.0 bye\r\n").await;
                } else {
                    peer.say(&format!("334 {REFUSED}\r\n")).await;
                }
            }
        })
        .await;
        let endpoint = server.endpoint(Security::StartTls);
        let source = psc.source(token("first"));
        let credentials = Credentials::Xoauth2(source.clone());
        let outcome = SmtpSession::open(&endpoint, &address(), &credentials, &trust(&lab), patience()).await;
        assert_eq!(
            (server.connections(), psc.requests().len()),
            (2, 1),
            "one refresh, one more login, no more"
        );
        assert_eq!(source.presented(), Some(token("second").fingerprint()));
        match outcome {
            Ok(session) => {
                assert!(second_is_good);
                session.quit().await;
            }
            Err(failure) => {
                assert!(!second_is_good, "{failure}");
                assert_eq!((failure.stage, failure.retry), (Stage::Authenticate, RetryClass::NewCredential));
                assert!(failure.message.contains("401"), "{failure}");
            }
        }
    }
}

#[tokio::test]
async fn replies_to_a_login_have_their_class() {
    let lab = lab();
    for (reply, retry) in [
        ("535 5.7.8 no", RetryClass::NewCredential),
        ("454 4.7.0 later", RetryClass::Later),
        ("421 4.3.2 closing", RetryClass::Later),
        ("504 5.5.4 no such mechanism", RetryClass::Never),
    ] {
        let acceptor = lab.acceptor();
        let server = Server::start(move |_, peer| {
            let acceptor = acceptor.clone();
            async move {
                let Some(mut peer) = peer.smtp_tls(&acceptor).await else { return };
                let echoed = peer.smtp_auth().await;
                peer.say(&format!("{reply} {echoed}\r\n")).await;
            }
        })
        .await;
        let endpoint = server.endpoint(Security::StartTls);
        let secret = token("a");
        let outcome =
            SmtpSession::open(&endpoint, &address(), &bare(&secret), &trust(&lab), patience()).await;
        let failure = outcome.unwrap_err();
        assert_eq!((failure.stage, failure.retry), (Stage::Authenticate, retry), "{reply}");
        assert!(!failure.to_string().contains(&sasl_line(&secret)), "an echoed credential is not repeated");
    }
}

#[tokio::test]
async fn a_message_is_accepted_with_its_queue_id() {
    let lab = lab();
    let (server, mut session) = logged_in(&lab, |mut peer| async move {
        envelope(&mut peer).await;
        let data = peer.until(".").await;
        assert_eq!(data, ["Subject: x", "", "..dot", "end"]);
        peer.say("250 2.0.0 Ok: queued as 4F2D61A0B3C\r\n").await;
        peer.line().await;
        peer.say("221 bye\r\n").await;
    })
    .await;
    let outcome = session.submit(&address(), &to(), MAIL).await.unwrap();
    assert_eq!(outcome, Outcome::Accepted { queue_id: Some("4F2D61A0B3C".into()) });
    session.quit().await;
    assert_eq!(server.heard().last().unwrap(), "QUIT");
}

#[tokio::test]
async fn a_cut_after_the_final_dot_is_unknown() {
    let lab = lab();
    let (_server, mut session) = logged_in(&lab, |mut peer| async move {
        envelope(&mut peer).await;
        peer.until(".").await;
    })
    .await;
    let Outcome::Unknown(failure) = session.submit(&address(), &to(), MAIL).await.unwrap() else { panic!() };
    assert_eq!((failure.stage, failure.retry), (Stage::Accept, RetryClass::Unknown));
    assert!(!failure.is_retryable());
}

#[tokio::test]
async fn a_cut_before_the_final_dot_is_a_failure_that_may_be_retried() {
    let lab = lab();
    let (_server, mut session) = logged_in(&lab, |mut peer| async move {
        peer.line().await;
        peer.say("250 2.1.0 ok\r\n").await;
    })
    .await;
    let failure = session.submit(&address(), &to(), MAIL).await.unwrap_err();
    assert_eq!((failure.stage, failure.retry), (Stage::Envelope, RetryClass::Later));
}

#[tokio::test]
async fn one_refused_recipient_and_nothing_goes() {
    let lab = lab();
    let (server, mut session) = logged_in(&lab, |mut peer| async move {
        for reply in ["250 ok", "250 ok", "550 5.1.1 nobody of that name", "250 reset"] {
            peer.line().await;
            peer.say(&format!("{reply}\r\n")).await;
        }
        peer.line().await;
    })
    .await;
    let Outcome::Refused(refusal) = session.submit(&address(), &to(), MAIL).await.unwrap() else { panic!() };
    assert_eq!(
        (refusal.stage, refusal.retry(), refusal.reply.code),
        (Stage::Envelope, RetryClass::Never, 550)
    );
    assert!(refusal.to_string().contains("b@mail.example.test"), "{refusal}");
    assert!(server.heard().contains(&"RSET".to_owned()) && !server.heard().contains(&"DATA".to_owned()));
}

#[tokio::test]
async fn what_the_operator_cannot_take_is_not_even_tried() {
    let lab = lab();
    let (server, mut session) = logged_in(&lab, |mut peer| async move {
        peer.line().await;
    })
    .await;
    let big = vec![b'x'; 26_214_401];
    assert_eq!(session.submit(&address(), &to(), &big).await.unwrap_err().stage, Stage::Envelope);
    let accented = Address::parse("résultats@mail.example.test").unwrap();
    assert_eq!(session.submit(&address(), &[accented], MAIL).await.unwrap_err().stage, Stage::Envelope);
    assert!(!server.heard().iter().any(|line| line.starts_with("MAIL")));
}

#[tokio::test]
async fn external_presents_the_client_certificate() {
    let lab = lab();
    let issued = lab.issue_auth_cli("163254178", "SantéProMoins").unwrap();
    let crls: Vec<Vec<u8>> = lab.crls().into_iter().map(|(_, der)| der).collect();
    let config = ClientTrust::new(lab.ca_pem(), &crls)
        .and_then(|trust| trust.with_certificate(&issued.chain_pem, &issued.key_pem))
        .and_then(ClientTrust::config)
        .unwrap();
    let acceptor = lab.acceptor();
    let server = Server::start(move |_, peer| {
        let acceptor = acceptor.clone();
        async move {
            let Some(mut peer) = peer.smtp_tls(&acceptor).await else { return };
            let line = peer.line().await;
            let code = if line == "AUTH EXTERNAL ODk5NzAwMDAwMDE4QG1haWwuZXhhbXBsZS50ZXN0" {
                "235 in"
            } else {
                "535 no"
            };
            peer.say(&format!("{code}\r\n")).await;
            peer.line().await;
        }
    })
    .await;
    let endpoint = server.endpoint(Security::StartTls);
    let session = SmtpSession::open(&endpoint, &address(), &Credentials::External, &config, patience()).await;
    session.unwrap();
}
