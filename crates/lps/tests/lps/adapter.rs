use std::sync::Arc;

use lps::adapter::{Outcome, Request, Response, perform};
use serde_json::{Value, json};
use tempfile::TempDir;
use tls::Lab;

use crate::peer::{Pages, Psc, Server, address, http, lab, sasl_line, token};

/// What a bench would set up around one step.
pub(crate) struct Desk {
    pub(crate) dir: TempDir,
    pub(crate) lab: Lab,
    lists: Server,
    pages: Pages,
}

impl Desk {
    pub(crate) async fn new() -> Self {
        let (dir, lab, pages) = (tempfile::tempdir().unwrap(), lab(), Pages::default());
        let desk = Self { lists: http(Arc::clone(&pages)).await, dir, lab, pages };
        desk.publish();
        desk
    }

    /// Puts the lab's authorities and revocation lists where clients find them.
    pub(crate) fn publish(&self) {
        std::fs::write(self.dir.path().join("ca.pem"), self.lab.ca_pem()).unwrap();
        let lists = self.lab.crls().into_iter().map(|(name, der)| (format!("/{name}"), (200, der)));
        *self.pages.lock().unwrap() = lists.collect();
    }

    pub(crate) fn json(&self, step: &str, change: impl FnOnce(&mut Value)) -> Value {
        let urls: Vec<String> = self
            .lab
            .crls()
            .iter()
            .map(|(name, _)| format!("http://127.0.0.1:{}/{name}", self.lists.port))
            .collect();
        let mut value = json!({"protocol":1,"run":31,"job":"psc-nil","step":step,"deadline_ms":8000,
            "work_dir":self.dir.path(),"mailbox":{"type":"PER","address":address()},"imap":{},"smtp":{},
            "ca_file":self.dir.path().join("ca.pem"),"crl_urls":urls,"dns":null,"directory":null,"psc":null,
            "auth":{"mechanism":"xoauth2","user":address(),"access_token":token("a").reveal(),"refresh":null},
            "nil":"2621","expect_refusal":false,"message":null});
        change(&mut value);
        value
    }

    async fn run(&self, step: &str, change: impl FnOnce(&mut Value)) -> Response {
        let request = Request::read(self.json(step, change).to_string().as_bytes()).unwrap();
        perform(request, self.dir.path()).await
    }
}

type Change = fn(&mut Value);

pub(crate) fn at(server: &Server) -> Value {
    json!({"host":"localhost","port":server.port,"security":"starttls"})
}

/// Takes `token("a")` and any mail.
pub(crate) async fn submission(lab: &Lab) -> Server {
    let acceptor = lab.acceptor();
    Server::start(move |_, peer| {
        let acceptor = acceptor.clone();
        async move {
            let Some(mut peer) = peer.smtp_tls(&acceptor).await else { return };
            if peer.smtp_auth().await != sasl_line(&token("a")) {
                peer.say("535 5.7.8 no\r\n").await;
                return;
            }
            peer.say("235 in\r\n").await;
            loop {
                let reply = match peer.line().await.to_ascii_uppercase().split([' ', ':']).next().unwrap() {
                    "" => return,
                    "DATA" => {
                        peer.say("354 go\r\n").await;
                        peer.until(".").await;
                        "250 2.0.0 Ok: queued as 4F2D61A0B3C"
                    }
                    _ => "250 ok",
                };
                peer.say(&format!("{reply}\r\n")).await;
            }
        }
    })
    .await
}

#[tokio::test]
async fn send_composes_from_the_facts() {
    let desk = Desk::new().await;
    let server = submission(&desk.lab).await;
    let response = desk
        .run("send", |request| {
            request["smtp"] = at(&server);
            request["message"] = json!({"to":["279035121518989@patient.mssante.fr"],"subject":"Essai","text":"mark-42",
                "documents":[],"facts":{"to_patient":true,"close":true}});
        })
        .await;
    assert_eq!(response.outcome, Outcome::Done, "{response:?}");
    assert!(response.detail.contains("4F2D61A0B3C"));
    assert_eq!(response.token_used_sha256, Some(token("a").fingerprint()));
    let heard = server.heard();
    for line in ["X-MSS-NIL: 2621", "X-MSS-MES: FIN", "Subject: Essai", "mark-42"] {
        assert!(heard.iter().any(|said| said == line), "{line} in {heard:?}");
    }
}

#[tokio::test]
async fn ready_bytes_go_as_they_are() {
    let desk = Desk::new().await;
    let server = submission(&desk.lab).await;
    let eml = desk.dir.path().join("ready.eml");
    std::fs::write(&eml, "X-Ready: yes\r\n\r\n.x\r\n").unwrap();
    let response = desk
        .run("send", |request| {
            request["smtp"] = at(&server);
            request["message"] = json!({"to":["a@b.fr"],"eml_file":eml,"documents":["/any.xml"]});
        })
        .await;
    assert_eq!(response.outcome, Outcome::Done, "{response:?}");
    assert!(server.heard().iter().any(|line| line == "X-Ready: yes"));
    assert!(server.heard().iter().all(|line| !line.starts_with("X-MSS")));
}

#[tokio::test]
async fn a_refused_login_is_refused_and_with_expect_refusal_nothing_is_renewed() {
    let desk = Desk::new().await;
    let server = submission(&desk.lab).await;
    let psc = Psc::giving(&desk.lab, &token("a")).await;
    for expected in [true, false] {
        let endpoint = psc.refresh().token_endpoint;
        let response = desk
            .run("login", |request| {
                request["smtp"] = at(&server);
                request["expect_refusal"] = json!(expected);
                request["auth"]["access_token"] = json!(token("stale").reveal());
                request["auth"]["refresh"] = json!({"token_endpoint":endpoint,"client_id":"c","client_secret":"s",
                    "refresh_token":"r"});
            })
            .await;
        if expected {
            assert_eq!(response.outcome, Outcome::Refused, "{response:?}");
            assert_eq!((server.connections(), psc.requests().len()), (1, 0));
            assert_eq!(response.token_used_sha256, Some(token("stale").fingerprint()));
        } else {
            assert_eq!(response.outcome, Outcome::Done, "{response:?}");
            assert_eq!(response.token_used_sha256, Some(token("a").fingerprint()));
        }
        assert!(!format!("{response:?}").contains("eyJ"));
    }
}

#[tokio::test]
async fn a_server_that_stays_silent_is_an_error_before_the_deadline() {
    let desk = Desk::new().await;
    let server = Server::start(|_, mut peer| async move {
        peer.say("* OK [CAPABILITY IMAP4rev1 STARTTLS] x\r\n").await;
        peer.until("never").await;
    })
    .await;
    let start = std::time::Instant::now();
    let response = desk
        .run("login", |request| {
            request["imap"] = at(&server);
            request["deadline_ms"] = json!(1_500);
        })
        .await;
    assert_eq!(response.outcome, Outcome::Error, "{response:?}");
    assert!(response.detail.contains("in time"), "{response:?}");
    assert!(start.elapsed().as_millis() < 1_500);
    assert_eq!(response.token_used_sha256, None, "no token was sent");
}

#[tokio::test]
async fn fetch_reads_the_newest_message() {
    let desk = Desk::new().await;
    let acceptor = desk.lab.acceptor();
    let server = Server::start(move |_, peer| {
        let acceptor = acceptor.clone();
        async move {
            let Some(mut peer) = peer.imap_tls(&acceptor, "IMAP4rev1 SASL-IR AUTH=XOAUTH2").await else {
                return;
            };
            peer.imap("AUTHENTICATE", "", "OK [CAPABILITY IMAP4rev1] in").await;
            peer.imap("SELECT", "* 2 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n", "OK done").await;
            peer.imap("UID SEARCH", "* SEARCH 9 4\r\n", "OK done").await;
            peer.imap("UID FETCH 4:*", "* 1 FETCH (UID 4)\r\n* 2 FETCH (UID 9)\r\n", "OK done").await;
            peer.imap("UID FETCH 9 ", "* 2 FETCH (UID 9 BODY[] {4}\r\nx\r\ny)\r\n", "OK done").await;
            peer.imap("UID STORE 9 ", "", "OK done").await;
            peer.imap("LOGOUT", "* BYE\r\n", "OK bye").await;
        }
    })
    .await;
    let response = desk.run("fetch", |request| request["imap"] = at(&server)).await;
    assert_eq!(response.outcome, Outcome::Done, "{response:?}");
    assert_eq!(std::fs::read(desk.dir.path().join("7-9.eml")).unwrap(), b"x\r\ny");
}

#[tokio::test]
async fn what_is_not_done_here_is_unsupported_and_what_is_missing_is_named() {
    let desk = Desk::new().await;
    for step in ["search", "reply", "dance"] {
        let response = desk.run(step, |_| ()).await;
        assert_eq!((response.outcome, response.exit_code()), (Outcome::Unsupported, 3), "{step}");
    }
    let documents =
        |request: &mut Value| request["message"] = json!({"to":["a@b.fr"],"documents":["/x.xml"]});
    assert_eq!(desk.run("send", documents).await.outcome, Outcome::Unsupported);
    let cases: [(&str, &str, Change); 4] = [
        ("login", "neither", |_| ()),
        ("send", "\"message\"", |_| ()),
        ("fetch", "\"imap\"", |_| ()),
        ("login", "ca_file", |request| request["ca_file"] = json!("/nowhere.pem")),
    ];
    for (step, word, change) in cases {
        let response = desk.run(step, change).await;
        assert_eq!((response.outcome, response.exit_code()), (Outcome::Error, 0), "{step}");
        assert!(response.detail.contains(word), "{}", response.detail);
    }
}

#[tokio::test]
async fn without_revocation_lists_no_server_is_trusted() {
    let desk = Desk::new().await;
    let server = submission(&desk.lab).await;
    let response = desk
        .run("login", |request| {
            request["smtp"] = at(&server);
            request["crl_urls"] = json!([]);
        })
        .await;
    assert_eq!(response.outcome, Outcome::Refused, "{response:?}");
    assert!(!server.heard_credentials(&token("a")), "{:?}", server.heard());
}
