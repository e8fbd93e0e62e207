use kernel::{RetryClass, Stage};
use lps::{Credentials, Security, SmtpSession};

use crate::peer::{Psc, Server, address, lab, patience, sasl_line, token, trust};

/// Logs in once against a server that takes only `good`, and gives the failure if any.
async fn server_for(lab: &tls::Lab, good: &'static str) -> Server {
    let acceptor = lab.acceptor();
    Server::start(move |_, peer| {
        let acceptor = acceptor.clone();
        async move {
            let Some(mut peer) = peer.smtp_tls(&acceptor).await else { return };
            let reply =
                if peer.smtp_auth().await == sasl_line(&token(good)) { "235 in" } else { "535 5.7.8 no" };
            peer.say(&format!("{reply}\r\n")).await;
            peer.line().await;
        }
    })
    .await
}

#[tokio::test]
async fn ten_sessions_share_one_refresh() {
    let lab = lab();
    let psc = Psc::giving(&lab, &token("new")).await;
    let server = server_for(&lab, "new").await;
    let source = psc.source(token("old"));
    let sessions = (0..10).map(|_| {
        let (endpoint, config) = (server.endpoint(Security::StartTls), trust(&lab));
        let credentials = Credentials::Xoauth2(source.clone());
        tokio::spawn(async move {
            SmtpSession::open(&endpoint, &address(), &credentials, &config, patience()).await.map(drop)
        })
    });
    for session in sessions.collect::<Vec<_>>() {
        session.await.unwrap().unwrap();
    }
    assert_eq!(psc.requests().len(), 1);
}

#[tokio::test]
async fn the_end_of_the_psc_session_is_final() {
    let lab = lab();
    let psc =
        Psc::start(&lab, vec![(400, r#"{"error":"invalid_grant","error_description":"x"}"#.into())]).await;
    let server = server_for(&lab, "new").await;
    let credentials = Credentials::Xoauth2(psc.source(token("old")));
    for _ in 0..2 {
        let endpoint = server.endpoint(Security::StartTls);
        let outcome = SmtpSession::open(&endpoint, &address(), &credentials, &trust(&lab), patience()).await;
        let failure = outcome.unwrap_err();
        assert_eq!((failure.stage, failure.retry), (Stage::Authenticate, RetryClass::Never));
        assert!(failure.message.contains("log in"), "{failure}");
    }
    assert_eq!(
        (psc.requests().len(), server.connections()),
        (1, 1),
        "nothing is tried once the session is over"
    );
}

#[tokio::test]
async fn trouble_at_psc_is_temporary_and_the_next_attempt_renews() {
    let lab = lab();
    let good = format!(r#"{{"access_token":"{}","expires_in":120}}"#, token("new").reveal());
    let psc = Psc::start(&lab, vec![(503, "<html>".into()), (200, "[]".into()), (200, good)]).await;
    let server = server_for(&lab, "new").await;
    let credentials = Credentials::Xoauth2(psc.source(token("old")));
    let mut outcomes = Vec::new();
    for _ in 0..3 {
        let endpoint = server.endpoint(Security::StartTls);
        let outcome = SmtpSession::open(&endpoint, &address(), &credentials, &trust(&lab), patience()).await;
        outcomes.push(outcome.map(drop).map_err(|failure| failure.retry));
    }
    assert_eq!(outcomes, [Err(RetryClass::Later), Err(RetryClass::Later), Ok(())]);
    assert!(psc.requests().iter().all(|form| form.contains("refresh_token=first")));
}

#[tokio::test]
async fn a_token_near_its_end_is_renewed_before_it_is_sent() {
    let lab = lab();
    let psc = Psc::giving(&lab, &token("new")).await;
    let server = server_for(&lab, "new").await;
    let payload = kernel::base64url(br#"{"iat":1000,"exp":1120}"#); // over since 1970
    let credentials = Credentials::Xoauth2(psc.source(token(&payload)));
    let endpoint = server.endpoint(Security::StartTls);
    SmtpSession::open(&endpoint, &address(), &credentials, &trust(&lab), patience()).await.unwrap();
    assert_eq!((server.connections(), psc.requests().len()), (1, 1));
    assert!(!server.heard().contains(&sasl_line(&token(&payload))));
}

#[tokio::test]
async fn nothing_secret_is_shown() {
    let lab = lab();
    let psc = Psc::giving(&lab, &token("new")).await;
    let shown = format!("{:?} {:?}", Credentials::Xoauth2(psc.source(token("old"))), psc.refresh());
    for secret in ["eyJ", "old", "client-secret", "first"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}
