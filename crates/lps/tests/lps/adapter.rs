use std::sync::Arc;

use cda::SmallKind;
use ins::{BirthDate, Identity, Matricule, Nature, Sex, Traits};
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

    pub(crate) async fn run(&self, step: &str, change: impl FnOnce(&mut Value)) -> Response {
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
    let response = desk.run("dance", |_| ()).await;
    assert_eq!((response.outcome, response.exit_code()), (Outcome::Unsupported, 3));
    let cases: [(&str, &str, Change); 6] = [
        ("search", "message.facts.query", |_| ()),
        ("login", "neither", |_| ()),
        ("send", "\"message\"", |_| ()),
        ("reply", "\"message\"", |_| ()),
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

fn patient() -> Identity {
    let born = BirthDate::parse("19620714").unwrap();
    let traits = Traits::strict("ESSAI", "Anne-Marie", born, Sex::Female, "75115");
    Identity::new(Matricule::from_body("2620775115042").unwrap(), Nature::Test, traits)
}

/// CDA files in the desk's directory.
fn documents(desk: &Desk, patients: &[Identity]) -> Vec<std::path::PathBuf> {
    let kinds = [SmallKind::LabReport, SmallKind::DischargeLetter];
    let write = |(index, patient): (usize, &Identity)| {
        let draft = cda::Draft::small(kinds[index % 2], &cda::oid_of(index as u128 + 1), patient.clone());
        let path = desk.dir.path().join(format!("document-{index}.xml"));
        std::fs::write(&path, cda::write(&draft)).unwrap();
        path
    };
    patients.iter().enumerate().map(write).collect()
}

/// The mail that a server was given: what stands between DATA and the final dot.
fn mail(server: &Server) -> Vec<u8> {
    let heard = server.heard();
    let start = heard.iter().position(|line| line.eq_ignore_ascii_case("DATA")).unwrap() + 1;
    let end = start + heard[start..].iter().position(|line| line == ".").unwrap();
    (heard[start..end].join("\r\n") + "\r\n").into_bytes()
}

#[tokio::test]
async fn send_puts_documents_into_an_archive_and_tells_what_they_are() {
    let desk = Desk::new().await;
    let server = submission(&desk.lab).await;
    let files = documents(&desk, &[patient(), patient()]);
    let response = desk
        .run("send", |request| {
            request["smtp"] = at(&server);
            request["message"] = json!({"to":["a@b.fr"],"text":"mark-42","documents":files,
                "facts":{"to_patient":false,"close":true}});
        })
        .await;
    assert_eq!(response.outcome, Outcome::Done, "{response:?}");
    assert!(response.detail.contains("the PDF of document 1 is the one that it carries"), "{response:?}");
    let mail = mail(&server);
    let files = mss::interpret(&mail).attachments;
    let pdfs: Vec<&[u8]> = files
        .iter()
        .filter(|file| file.kind == mss::FileKind::Pdf)
        .map(|file| file.bytes.as_slice())
        .collect();
    assert!(
        pdfs.len() == 2 && pdfs[1].windows(11).any(|word| word == b"pdfaid:part"),
        "one each, PDF/A of level 3"
    );
    let found = mss::Indicators::read(&mail);
    assert_eq!((found.codecda, found.ins), (vec!["11502-2,11490-0".into()], vec!["O".into()]));
    assert_eq!((found.nil, found.mes.len()), (vec!["2621".into()], 0));
    let carried = mss::carried(&mail);
    let ids: Vec<&str> = carried.documents.iter().map(|document| document.id.as_str()).collect();
    assert_eq!((carried.archives, ids, carried.problems.len()), (1, vec!["2.25.1", "2.25.2"], 0));
    assert!(server.heard().iter().any(|line| line == "mark-42"));
}

#[tokio::test]
async fn documents_that_cannot_go_are_named_and_nothing_is_sent() {
    let desk = Desk::new().await;
    let server = submission(&desk.lab).await;
    let mut other = patient();
    other.matricule = Some(Matricule::from_body("2620775115043").unwrap());
    let two_patients = documents(&desk, &[patient(), other]);
    let no_cda = desk.dir.path().join("note.xml");
    std::fs::write(&no_cda, "<note/>").unwrap();
    for (files, word) in [
        (json!(["/nowhere.xml"]), "/nowhere.xml"),
        (json!([no_cda]), "no CDA"),
        (json!(two_patients), "not of the same patient"),
    ] {
        let response = desk
            .run("send", |request| {
                request["smtp"] = at(&server);
                request["message"] = json!({"to":["a@b.fr"],"documents":files});
            })
            .await;
        assert_eq!(response.outcome, Outcome::Error, "{response:?}");
        assert!(response.detail.contains(word), "{response:?}");
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn the_exchange_is_closed_towards_a_patient_of_the_test_domain_too() {
    for (to_patient, close, expected) in [(true, true, 1), (true, false, 0), (false, true, 0)] {
        let desk = Desk::new().await;
        let server = submission(&desk.lab).await;
        let response = desk
            .run("send", |request| {
                request["smtp"] = at(&server);
                request["message"] = json!({"to":["279035121518989@mail-tests.example.fr"],
                    "facts":{"to_patient":to_patient,"close":close}});
            })
            .await;
        assert_eq!(response.outcome, Outcome::Done, "{response:?}");
        assert_eq!(mss::Indicators::read(&mail(&server)).mes.len(), expected, "{to_patient} {close}");
    }
}

/// An inbox in which a search finds UIDs 4 and 9, the second being a mail whose Message-ID only begins as asked.
async fn inbox(lab: &Lab, looks: usize) -> Server {
    let acceptor = lab.acceptor();
    Server::start(move |_, peer| {
        let acceptor = acceptor.clone();
        async move {
            let Some(mut peer) = peer.imap_tls(&acceptor, "IMAP4rev1 SASL-IR AUTH=XOAUTH2").await else {
                return;
            };
            peer.imap("AUTHENTICATE", "", "OK [CAPABILITY IMAP4rev1] in").await;
            for _ in 1..looks {
                peer.imap("SELECT", "* 0 EXISTS\r\n", "OK done").await;
                peer.imap("UID SEARCH HEADER Message-ID \"q1@bench.fr\"", "* SEARCH\r\n", "OK done").await;
            }
            peer.imap("SELECT", "* 2 EXISTS\r\n", "OK done").await;
            peer.imap("UID SEARCH HEADER Message-ID \"q1@bench.fr\"", "* SEARCH 4 9\r\n", "OK done").await;
            for (uid, id) in [(9, "q1@bench.fr.other"), (4, "q1@bench.fr")] {
                let header = format!(
                    "Message-ID: <{id}>\r\nReferences: <q0@bench.fr>\r\nFrom: Dr <asks@bench.fr>\r\n\
                     Subject: XDM/1.0/DDM+CR =?utf-8?Q?=C3=A9?=\r\n\r\n"
                );
                let data = format!("* 1 FETCH (UID {uid} BODY[HEADER] {{{}}}\r\n{header})\r\n", header.len());
                peer.imap(&format!("UID FETCH {uid} "), &data, "OK done").await;
            }
            peer.imap("UID STORE 4 +FLAGS.SILENT (\\Answered)", "", "OK done").await;
            peer.imap("LOGOUT", "* BYE\r\n", "OK bye").await;
        }
    })
    .await
}

#[tokio::test]
async fn reply_answers_the_mail_that_is_in_the_inbox() {
    let desk = Desk::new().await;
    for (looks, to, expected_to) in
        [(1, json!([]), "asks@bench.fr"), (2, json!(["c@bench.fr"]), "c@bench.fr")]
    {
        let (smtp, imap) = (submission(&desk.lab).await, inbox(&desk.lab, looks).await);
        let response = desk
            .run("reply", |request| {
                (request["imap"], request["smtp"]) = (at(&imap), at(&smtp));
                request["message"] =
                    json!({"to":to,"text":"mark-43","facts":{"in_reply_to":"<q1@bench.fr>"}});
            })
            .await;
        assert_eq!(response.outcome, Outcome::Done, "{response:?}\n{:?}", imap.heard());
        let mail = mail(&smtp);
        let header = |name| mss::header_values(&mail, name);
        assert_eq!(header("In-Reply-To"), ["<q1@bench.fr>"]);
        assert_eq!(header("References"), ["<q0@bench.fr> <q1@bench.fr>"]);
        assert_eq!(header("X-MSS-NIL"), ["2621"]);
        assert_eq!(header("To"), [format!("<{expected_to}>")]);
        assert_eq!(mss::Parent::read(&mail).subject, "Re: CR é");
        assert!(smtp.heard().contains(&format!("RCPT TO:<{expected_to}>")), "{:?}", smtp.heard());
        assert!(imap.heard().iter().any(|line| line.contains("LOGOUT")), "{:?}", imap.heard());
    }
}

#[tokio::test]
async fn a_mail_to_answer_that_is_not_there_is_said_and_nothing_is_sent() {
    let desk = Desk::new().await;
    let acceptor = desk.lab.acceptor();
    let imap = Server::start(move |_, peer| {
        let acceptor = acceptor.clone();
        async move {
            let Some(mut peer) = peer.imap_tls(&acceptor, "IMAP4rev1 SASL-IR AUTH=XOAUTH2").await else {
                return;
            };
            peer.imap("AUTHENTICATE", "", "OK [CAPABILITY IMAP4rev1] in").await;
            for _ in 0..4 {
                peer.imap("SELECT", "* 0 EXISTS\r\n", "OK done").await;
                peer.imap("UID SEARCH", "* SEARCH\r\n", "OK done").await;
            }
            peer.imap("LOGOUT", "* BYE\r\n", "OK bye").await;
        }
    })
    .await;
    let smtp = submission(&desk.lab).await;
    let run = async |in_reply_to: Value| {
        let change = |request: &mut Value| {
            (request["imap"], request["smtp"]) = (at(&imap), at(&smtp));
            request["message"] = json!({"to":["a@b.fr"],"facts":{"in_reply_to":in_reply_to}});
        };
        desk.run("reply", change).await
    };
    for (in_reply_to, word) in [
        (json!("<q1@bench.fr>"), "no mail in the inbox"),
        (json!(null), "in_reply_to"),
        (json!("a b"), "in_reply_to"),
    ] {
        let response = run(in_reply_to).await;
        assert_eq!(response.outcome, Outcome::Error, "{response:?}");
        assert!(response.detail.contains(word), "{response:?}");
    }
    assert_eq!(smtp.connections(), 0);
}

#[tokio::test]
async fn a_token_refused_by_the_mailbox_is_renewed_once_and_the_login_goes_on() {
    let desk = Desk::new().await;
    let acceptor = desk.lab.acceptor();
    let imap = Server::start(move |_, peer| {
        let acceptor = acceptor.clone();
        async move {
            let Some(mut peer) = peer.imap_tls(&acceptor, "IMAP4rev1 SASL-IR AUTH=XOAUTH2").await else {
                return;
            };
            let line = peer.line().await;
            let tag = line.split(' ').next().unwrap_or_default().to_owned();
            if line.contains(&sasl_line(&token("second"))) {
                peer.say(&format!("{tag} OK [CAPABILITY IMAP4rev1] in\r\n")).await;
                peer.imap("LOGOUT", "* BYE\r\n", "OK bye").await;
            } else {
                peer.say(&format!("{tag} NO [AUTHENTICATIONFAILED] invalid token\r\n")).await;
            }
        }
    })
    .await;
    let psc = Psc::giving(&desk.lab, &token("second")).await;
    let endpoint = psc.refresh().token_endpoint;
    let response = desk
        .run("login", |request| {
            request["imap"] = at(&imap);
            request["auth"]["refresh"] =
                json!({"token_endpoint":endpoint,"client_id":"c","client_secret":"s","refresh_token":"r"});
        })
        .await;
    assert_eq!(response.outcome, Outcome::Done, "{response:?}");
    assert_eq!((imap.connections(), psc.requests().len()), (2, 1));
    assert_eq!(response.token_used_sha256, Some(token("second").fingerprint()));
    let sent = |token| imap.heard().iter().filter(|line| line.contains(&sasl_line(token))).count();
    assert_eq!((sent(&token("a")), sent(&token("second"))), (1, 1));
}

#[tokio::test]
async fn a_server_of_tls_1_1_is_refused_before_any_credential() {
    let desk = Desk::new().await;
    let acceptor = desk.lab.acceptor().limited_to_tls_1_1();
    let imap = Server::start(move |_, peer| {
        let acceptor = acceptor.clone();
        async move {
            drop(peer.imap_tls(&acceptor, "IMAP4rev1 AUTH=XOAUTH2").await);
        }
    })
    .await;
    for expect_refusal in [true, false] {
        let response = desk
            .run("login", |request| {
                request["imap"] = at(&imap);
                request["expect_refusal"] = json!(expect_refusal);
            })
            .await;
        assert_eq!(response.outcome, Outcome::Refused, "{response:?}");
        assert_eq!(response.token_used_sha256, None);
    }
    assert!(!imap.heard_credentials(&token("a")), "{:?}", imap.heard());
}

#[tokio::test]
async fn revocation_lists_are_kept_from_one_step_of_a_run_to_the_next() {
    let desk = Desk::new().await;
    let server = submission(&desk.lab).await;
    assert_eq!(desk.run("login", |request| request["smtp"] = at(&server)).await.outcome, Outcome::Done);
    desk.pages.lock().unwrap().clear();
    assert_eq!(desk.run("login", |request| request["smtp"] = at(&server)).await.outcome, Outcome::Done);
    std::fs::remove_dir_all(desk.dir.path().join("crl")).unwrap();
    let response = desk.run("login", |request| request["smtp"] = at(&server)).await;
    assert_eq!(response.outcome, Outcome::Error, "{response:?}");
    assert!(response.detail.contains("revocation"), "{response:?}");
}
