//! The engine, unchanged, against Debian's Dovecot: QRESYNC, IDLE, another client at the same time, a certificate and a
//! token, and a process killed in the middle.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kernel::{Clock, Timestamp};
use lps::engine::{Engine, Login, Phase, Settings};
use lps::{Credentials, ImapSession, Resolver, Security};
use mss::Address;
use practice::{Filter, Mailbox, MailboxKind, Practice, Setting};
use serde_json::json;
use tokio::time::timeout;

use crate::peer::{Server, address, http, patience, trust};
use crate::real::{Operator, access_token, bearer, with_certificate};

struct Desk {
    practice: Practice,
    engine: Engine,
    mailbox: Mailbox,
    _lists: Server,
    _dir: tempfile::TempDir,
}

impl Desk {
    async fn new(operator: &Operator, address: &str, settings: serde_json::Value) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let pages = operator.lab.crls().into_iter().map(|(name, der)| (format!("/{name}"), (200, der)));
        let lists = http(Arc::new(Mutex::new(pages.collect::<HashMap<_, _>>()))).await;
        let names = operator.lab.crls();
        let urls = names.iter().map(|(name, _)| format!("http://127.0.0.1:{}/{name}", lists.port)).collect();
        let resolver = Resolver::new("127.0.0.1:1".parse().unwrap());
        let ca = operator.lab.ca_pem().to_owned();
        let mut configured = Settings::new(ca, urls, &dir.path().join("crl"), Clock::system(), resolver);
        configured.patience = patience();
        let db = db::Db::open_sqlite(&dir.path().join("practice.db")).await.unwrap();
        let setting = Setting { world: ins::World::Sandbox, ..Setting::default() };
        let practice = Practice::open(db, Clock::system(), setting).await.unwrap();
        let since = Timestamp::UNIX_EPOCH;
        let kind = MailboxKind::Per;
        let mailbox = practice.save_mailbox(address, kind, "", settings, since).await.unwrap();
        let engine = Engine::start(practice.clone(), configured).await.unwrap();
        Self { practice, engine, mailbox, _lists: lists, _dir: dir }
    }

    async fn subjects(&self) -> Vec<String> {
        let mut out = Vec::new();
        for row in self.practice.rows(&Filter::default(), None, 200).await.unwrap().rows {
            let mail = self.practice.mail(&row.mail).await.unwrap().unwrap();
            if !mail.gone {
                out.push(format!("{}/{}", mail.folder, mail.subject));
            }
        }
        out.sort();
        out
    }

    async fn until(&self, expected: &[&str]) {
        let look = async {
            while self.subjects().await != expected {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let seen = timeout(Duration::from_secs(10), look).await;
        assert!(seen.is_ok(), "{:?} instead of {expected:?}", self.subjects().await);
    }
}

fn mail(subject: &str) -> Vec<u8> {
    format!("From: a@b.mssante.fr\r\nSubject: {subject}\r\nMessage-ID: <{subject}@x>\r\n\r\nBonjour {subject}.\r\n").into_bytes()
}

async fn other_client(operator: &Operator) -> ImapSession {
    let endpoint = operator.at(operator.imap, Security::StartTls);
    let credentials = bearer(access_token(Duration::from_secs(120)));
    ImapSession::open(&endpoint, &address(), &credentials, &trust(&operator.lab), patience()).await.unwrap()
}

fn place(operator: &Operator) -> serde_json::Value {
    json!({"imap": operator.at(operator.imap, Security::StartTls)})
}

#[tokio::test]
#[ignore = "needs root and Debian's dovecot-imapd"]
async fn dovecot_is_kept_in_step_while_another_client_works() {
    let operator = Operator::start();
    let mut other = other_client(&operator).await;
    for subject in ["un", "deux", "trois"] {
        other.append("INBOX", "", &mail(subject)).await.unwrap();
    }
    other.append("Envoyés", "", &mail("parti")).await.unwrap();
    let desk = Desk::new(&operator, address().as_str(), place(&operator)).await;
    let Credentials::Xoauth2(source) = bearer(access_token(Duration::from_secs(120))) else { panic!() };
    desk.engine.log_in(&desk.mailbox.key, Login::token("Dr", source)).await.unwrap();
    let report = desk.engine.sync_now(&desk.mailbox.key).await.unwrap();
    assert_eq!((report.arrived, report.fetched, report.failed), (3, 3, 0));
    desk.until(&["INBOX/deux", "INBOX/trois", "INBOX/un"]).await;
    let mut standing = desk.engine.standing(&desk.mailbox.key).unwrap();
    timeout(Duration::from_secs(10), standing.wait_for(|now| now.phase == Phase::Live))
        .await
        .unwrap()
        .unwrap();

    // By IDLE alone: one comes, one is deleted, one is read.
    other.select("INBOX").await.unwrap();
    other.append("INBOX", "", &mail("quatre")).await.unwrap();
    other.uid_store("2", "+FLAGS.SILENT (\\Deleted)").await.unwrap();
    other.uid_store("1", "+FLAGS.SILENT (\\Seen)").await.unwrap();
    other.expunge_uid("2").await.unwrap();
    desk.until(&["INBOX/quatre", "INBOX/trois", "INBOX/un"]).await;
    desk.engine.sync_now(&desk.mailbox.key).await.unwrap();
    for row in desk.practice.rows(&Filter::default(), None, 200).await.unwrap().rows {
        let mail = desk.practice.mail(&row.mail).await.unwrap().unwrap();
        assert_eq!(mail.flags.contains(&"\\Seen".to_owned()), mail.subject == "un" && !mail.gone, "{mail:?}");
    }
    let diagnosis = desk.engine.diagnose(&desk.mailbox.key).await.unwrap();
    assert!(diagnosis.is_good(), "{diagnosis:?}");
    desk.engine.stop().await;
    other.logout().await;
}

#[tokio::test]
#[ignore = "needs root and Debian's dovecot-imapd"]
async fn dovecot_opens_an_applications_mailbox_by_itself() {
    let operator = Operator::start();
    let config = with_certificate(&operator.lab);
    let app = Address::parse("163254178@mail.example.test").unwrap();
    let endpoint = operator.at(operator.imap, Security::StartTls);
    let mut other =
        ImapSession::open(&endpoint, &app, &Credentials::External, &config, patience()).await.unwrap();
    other.append("INBOX", "", &mail("automatique")).await.unwrap();
    let issued = operator.lab.issue_auth_cli("163254178", "SantéProMoins").unwrap();
    let dir = tempfile::tempdir().unwrap();
    let (chain, key) = (dir.path().join("chain.pem"), dir.path().join("key.pem"));
    std::fs::write(&chain, &issued.chain_pem).unwrap();
    std::fs::write(&key, issued.key_pem.reveal()).unwrap();
    let settings = json!({"imap": endpoint, "certificate": {"chain": chain, "key": key}});
    let desk = Desk::new(&operator, app.as_str(), settings).await;
    desk.until(&["INBOX/automatique"]).await;
    desk.engine.stop().await;
}

#[tokio::test]
#[ignore = "needs root and Debian's dovecot-imapd"]
async fn dovecot_restarted_is_found_again() {
    let mut operator = Operator::start();
    let desk = Desk::new(&operator, address().as_str(), place(&operator)).await;
    let Credentials::Xoauth2(source) = bearer(access_token(Duration::from_secs(120))) else { panic!() };
    desk.engine.log_in(&desk.mailbox.key, Login::token("Dr", source)).await.unwrap();
    desk.engine.sync_now(&desk.mailbox.key).await.unwrap();
    operator.restart();
    let mut other = other_client(&operator).await;
    other.append("INBOX", "", &mail("après la panne")).await.unwrap();
    desk.until(&["INBOX/après la panne"]).await;
    desk.engine.stop().await;
}
