use kernel::{RetryClass, Stage};
use lps::{Credentials, ImapSession, Security, TokenSource};

use crate::peer::{Psc, Server, address, lab, own_lab, patience, sasl_line, token, trust};

const AFTER_TLS: &str = "IMAP4rev1 SASL-IR AUTH=XOAUTH2 AUTH=EXTERNAL LITERAL+";
const REFUSED: &str = "eyJzdGF0dXMiOiI0MDEiLCJzY2hlbWVzIjoiYmVhcmVyIiwic2NvcGUiOiJtYWlsIn0=";

fn bare(secret: &kernel::Secret<String>) -> Credentials {
    Credentials::Xoauth2(TokenSource::new(secret.clone(), None, kernel::Clock::system()))
}

#[tokio::test]
async fn without_starttls_no_credential_is_sent() {
    let (lab, secret) = (lab(), token("a"));
    let server = Server::start(|_, mut peer| async move {
        peer.say("* OK [CAPABILITY IMAP4rev1 AUTH=XOAUTH2 SASL-IR] ready\r\n").await;
        peer.line().await;
    })
    .await;
    let endpoint = server.endpoint(Security::StartTls);
    let failure =
        ImapSession::open(&endpoint, &address(), &bare(&secret), &trust(&lab), patience()).await.unwrap_err();
    assert_eq!((failure.stage, failure.retry), (Stage::Tls, RetryClass::Never));
    assert!(failure.message.contains("STARTTLS"), "{failure}");
    assert!(!server.heard_credentials(&secret), "{:?}", server.heard());
}

#[tokio::test]
async fn preauth_in_clear_ends_the_session() {
    let (lab, secret) = (lab(), token("a"));
    let server = Server::start(|_, mut peer| async move {
        peer.say("* PREAUTH [CAPABILITY IMAP4rev1 STARTTLS] welcome\r\n").await;
        peer.line().await;
    })
    .await;
    let endpoint = server.endpoint(Security::StartTls);
    let failure =
        ImapSession::open(&endpoint, &address(), &bare(&secret), &trust(&lab), patience()).await.unwrap_err();
    assert_eq!((failure.stage, failure.retry), (Stage::Tls, RetryClass::Never));
    assert!(!server.heard_credentials(&secret));
}

#[tokio::test]
async fn bytes_injected_after_starttls_end_the_session() {
    let (lab, secret) = (lab(), token("a"));
    let acceptor = lab.acceptor();
    let server = Server::start(move |_, mut peer| {
        let acceptor = acceptor.clone();
        async move {
            peer.say("* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n").await;
            peer.imap("STARTTLS", "", "OK go\r\n* CAPABILITY IMAP4rev1 AUTH=XOAUTH2").await;
            if let Some(mut peer) = peer.tls(&acceptor).await {
                peer.line().await;
            }
        }
    })
    .await;
    let endpoint = server.endpoint(Security::StartTls);
    let failure =
        ImapSession::open(&endpoint, &address(), &bare(&secret), &trust(&lab), patience()).await.unwrap_err();
    assert_eq!((failure.stage, failure.retry), (Stage::Tls, RetryClass::Never));
    assert!(failure.message.contains("in clear"), "{failure}");
    assert!(!server.heard_credentials(&secret));
}

#[tokio::test]
async fn what_was_offered_in_clear_is_forgotten() {
    let (lab, secret) = (lab(), token("a"));
    let acceptor = lab.acceptor();
    let server = Server::start(move |_, mut peer| {
        let acceptor = acceptor.clone();
        async move {
            peer.say("* OK [CAPABILITY IMAP4rev1 STARTTLS SASL-IR AUTH=XOAUTH2] ready\r\n").await;
            peer.imap("STARTTLS", "", "OK go").await;
            let Some(mut peer) = peer.tls(&acceptor).await else { return };
            peer.imap("CAPABILITY", "* CAPABILITY IMAP4rev1 AUTH=EXTERNAL\r\n", "OK done").await;
            peer.line().await;
        }
    })
    .await;
    let endpoint = server.endpoint(Security::StartTls);
    let failure =
        ImapSession::open(&endpoint, &address(), &bare(&secret), &trust(&lab), patience()).await.unwrap_err();
    assert_eq!(failure.stage, Stage::Authenticate);
    assert!(failure.message.contains("does not offer XOAUTH2 (it offers: EXTERNAL)"), "{failure}");
    assert!(!server.heard_credentials(&secret));
}

#[tokio::test]
async fn a_revoked_server_gets_no_credential() {
    let dir = tempfile::tempdir().unwrap();
    let lab = own_lab(dir.path(), &kernel::Clock::system());
    let secret = token("a");
    for revoked in [false, true] {
        if revoked {
            lab.revoke(&lab.server_certificate().unwrap().serial).unwrap();
        }
        let acceptor = lab.acceptor();
        let server = Server::start(move |_, peer| {
            let acceptor = acceptor.clone();
            async move {
                let Some(mut peer) = peer.imap_tls(&acceptor, AFTER_TLS).await else { return };
                peer.imap("AUTHENTICATE XOAUTH2", "", "OK [CAPABILITY IMAP4rev1] in").await;
            }
        })
        .await;
        let endpoint = server.endpoint(Security::StartTls);
        let outcome =
            ImapSession::open(&endpoint, &address(), &bare(&secret), &trust(&lab), patience()).await;
        assert_eq!(server.heard_credentials(&secret), !revoked, "the healthy server is the control");
        match outcome {
            Ok(_) => assert!(!revoked),
            Err(failure) => {
                assert!(revoked, "{failure}");
                assert_eq!((failure.stage, failure.retry), (Stage::Tls, RetryClass::Never));
                assert!(failure.message.contains("revoked"), "{failure}");
            }
        }
    }
}

#[tokio::test]
async fn a_challenge_then_no_costs_one_refresh_and_one_more_login() {
    let lab = lab();
    let (first, second) = (token("first"), token("second"));
    let psc = Psc::giving(&lab, &second).await;
    let acceptor = lab.acceptor();
    let good = sasl_line(&second);
    let server = Server::start(move |number, peer| {
        let (acceptor, good) = (acceptor.clone(), good.clone());
        async move {
            let Some(mut peer) = peer.imap_tls(&acceptor, AFTER_TLS).await else { return };
            let line = peer.line().await;
            let (tag, command) = line.split_once(' ').unwrap();
            let response =
                command.strip_prefix("AUTHENTICATE XOAUTH2 ").expect("SASL-IR is offered and it fits");
            if response == good {
                assert_eq!(number, 1);
                peer.say(&format!("{tag} OK [CAPABILITY IMAP4rev1] in\r\n")).await;
                peer.imap("LOGOUT", "* BYE\r\n", "OK bye").await;
            } else {
                peer.say(&format!("+ {REFUSED}\r\n")).await;
                assert_eq!(peer.line().await, "");
                peer.say(&format!("{tag} NO [AUTHENTICATIONFAILED] no\r\n")).await;
                peer.line().await;
            }
        }
    })
    .await;
    let endpoint = server.endpoint(Security::StartTls);
    let source = psc.source(first.clone());
    let credentials = Credentials::Xoauth2(source.clone());
    let session =
        ImapSession::open(&endpoint, &address(), &credentials, &trust(&lab), patience()).await.unwrap();
    assert_eq!(session.capabilities(), ["IMAP4REV1"]);
    session.logout().await;
    assert_eq!((server.connections(), psc.requests().len()), (2, 1));
    assert_eq!(source.presented(), Some(second.fingerprint()));
    assert!(psc.requests()[0].contains("grant_type=refresh_token&refresh_token=first&client_id=product"));
    let said = server.heard();
    assert_eq!(said.iter().filter(|line| line.contains(&sasl_line(&first))).count(), 1, "never twice");
}

#[tokio::test]
async fn a_temporary_refusal_costs_no_refresh() {
    let lab = lab();
    let psc = Psc::giving(&lab, &token("second")).await;
    let acceptor = lab.acceptor();
    let server = Server::start(move |_, peer| {
        let acceptor = acceptor.clone();
        async move {
            // No SASL-IR: the response waits for the continuation.
            let Some(mut peer) = peer.imap_tls(&acceptor, "IMAP4rev1 AUTH=XOAUTH2").await else { return };
            let line = peer.line().await;
            let tag = line.strip_suffix(" AUTHENTICATE XOAUTH2").expect("no initial response");
            peer.say("+ \r\n").await;
            assert_eq!(peer.line().await, sasl_line(&token("first")));
            peer.say(&format!("{tag} NO [UNAVAILABLE] later\r\n")).await;
        }
    })
    .await;
    let endpoint = server.endpoint(Security::StartTls);
    let credentials = Credentials::Xoauth2(psc.source(token("first")));
    let failure =
        ImapSession::open(&endpoint, &address(), &credentials, &trust(&lab), patience()).await.unwrap_err();
    assert_eq!((failure.stage, failure.retry), (Stage::Authenticate, RetryClass::Later));
    assert_eq!((server.connections(), psc.requests().len()), (1, 0));
}

#[tokio::test]
async fn a_session_reads_and_writes_a_mailbox() {
    let (lab, secret) = (lab(), token("a"));
    let acceptor = lab.acceptor();
    let server = Server::start(move |_, peer| {
        let acceptor = acceptor.clone();
        async move {
            let Some(mut peer) = peer.tls(&acceptor).await else { return };
            peer.say("* OK ready\r\n").await;
            peer.imap("CAPABILITY", "* CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2\r\n", "OK done").await;
            peer.imap("AUTHENTICATE XOAUTH2", "* CAPABILITY IMAP4rev1\r\n", "OK in").await;
            let list = "* LIST (\\Sent) \"/\" \"Envoy&AOk-s\"\r\n* LIST () \"/\" INBOX\r\n";
            peer.imap("LIST \"\" ", list, "OK done").await;
            let data = "* 2 EXISTS\r\n* OK [UIDVALIDITY 77] x\r\n* OK [UIDNEXT 13] x\r\n";
            peer.imap("SELECT INBOX", data, "OK [READ-WRITE] done").await;
            peer.imap("UID SEARCH UNSEEN", "* SEARCH 5 12\r\n", "OK done").await;
            let fetch = "* 2 FETCH (UID 12 FLAGS (\\Recent) BODY[] {7}\r\na\r\n)\r\nb)\r\n";
            peer.imap("UID FETCH 12 (UID FLAGS BODY.PEEK[])", fetch, "OK done").await;
            peer.imap("UID STORE 12 +FLAGS.SILENT (\\Seen)", "", "NO [READ-ONLY] no").await;
            let line = peer.line().await;
            assert!(line.ends_with("APPEND Envoy&AOk-s (\\Seen) {6}"), "{line}");
            peer.say("+ go\r\n").await;
            assert_eq!(peer.line().await, "a");
            assert_eq!(peer.line().await, "b");
            assert_eq!(peer.line().await, "");
            let tag = line.split(' ').next().unwrap();
            peer.say(&format!("* 3 EXISTS\r\n{tag} OK [APPENDUID 9 4] done\r\n")).await;
            peer.imap("LOGOUT", "* BYE\r\n", "OK bye").await;
        }
    })
    .await;
    let endpoint = server.endpoint(Security::Tls);
    let mut session =
        ImapSession::open(&endpoint, &address(), &bare(&secret), &trust(&lab), patience()).await.unwrap();
    let sent = session.special_use("\\sent").await.unwrap().unwrap();
    assert_eq!(sent, "Envoyés");
    let folder = session.select("INBOX").await.unwrap();
    assert_eq!((folder.exists, folder.uid_validity, folder.uid_next), (2, 77, Some(13)));
    assert_eq!(session.uid_search("UNSEEN").await.unwrap(), [5, 12]);
    let fetched = session.uid_fetch("12", "(UID FLAGS BODY.PEEK[])").await.unwrap();
    assert_eq!(fetched[0].body("").unwrap().as_ref(), b"a\r\n)\r\nb");
    let failure = session.uid_store("12", "+FLAGS.SILENT (\\Seen)").await.unwrap_err();
    assert_eq!((failure.stage, failure.retry), (Stage::Command, RetryClass::Never));
    assert_eq!(session.append(&sent, "(\\Seen)", b"a\r\nb\r\n").await.unwrap(), Some((9, 4)));
    session.logout().await;
}

#[tokio::test]
async fn rubbish_instead_of_a_greeting_is_named() {
    let (lab, secret) = (lab(), token("a"));
    for (said, stage) in
        [("220 smtp here\r\n", Stage::Greeting), ("* BYE busy\r\n", Stage::Greeting), ("", Stage::Greeting)]
    {
        let server = Server::start(move |_, mut peer| async move { peer.say(said).await }).await;
        let endpoint = server.endpoint(Security::StartTls);
        let outcome =
            ImapSession::open(&endpoint, &address(), &bare(&secret), &trust(&lab), patience()).await;
        assert_eq!(outcome.unwrap_err().stage, stage, "{said:?}");
    }
}
