//! The engine against servers that lack things, change under its hands, or lie. The lessons L5 to L10 of spec 07 §2 by name.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kernel::{Clock, RetryClass, Stage, Timestamp};
use lps::engine::{Cause, Engine, Grade, Login, Phase, Settings, Step};
use lps::{Resolver, Security, TokenSource};
use practice::{Filter, Key, Mailbox, MailboxKind, Practice, Row, Setting};
use serde_json::json;
use tokio::time::timeout;

use crate::field::{CONDSTORE, Field, MODERN, OLD};
use crate::peer::{Server, address, http, lab, patience, token};

/// A practice with one mailbox, its engine, and what keeps them alive.
struct Desk {
    practice: Practice,
    engine: Engine,
    mailbox: Mailbox,
    settings: Settings,
    _lists: Server,
    dir: tempfile::TempDir,
}

impl Desk {
    async fn at(port: u16) -> Self {
        Self::with(port, |_| {}).await
    }

    async fn with(port: u16, change: impl FnOnce(&mut Settings)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let lab = lab();
        let pages = lab.crls().into_iter().map(|(name, der)| (format!("/CRL/{name}"), (200, der)));
        let lists = http(Arc::new(Mutex::new(pages.collect::<HashMap<_, _>>()))).await;
        let urls = lab
            .crls()
            .iter()
            .map(|(name, _)| format!("http://127.0.0.1:{}/CRL/{name}", lists.port))
            .collect();
        let resolver = Resolver::new("127.0.0.1:1".parse().unwrap()).with_wait(Duration::from_millis(50));
        let mut settings =
            Settings::new(lab.ca_pem().to_owned(), urls, &dir.path().join("crl"), Clock::system(), resolver);
        settings.patience = patience();
        settings.first_wait = Duration::from_millis(50);
        settings.longest_wait = Duration::from_millis(200);
        change(&mut settings);
        let practice = open(&dir).await;
        let place = json!({"imap": {"host": "localhost", "port": port, "security": "starttls"}});
        let since: Timestamp = "2026-11-01T00:00:00Z".parse().unwrap();
        let mailbox =
            practice.save_mailbox(address().as_str(), MailboxKind::Per, "Dr", place, since).await.unwrap();
        let engine = Engine::start(practice.clone(), settings.clone()).await.unwrap();
        Self { practice, engine, mailbox, settings, _lists: lists, dir }
    }

    async fn log_in(&self) {
        let source = TokenSource::new(token("a"), None, Clock::system());
        self.engine.log_in(&self.mailbox.key, Login::token("Dr Test", source)).await.unwrap();
    }

    async fn sync(&self) -> lps::engine::Report {
        timeout(Duration::from_secs(10), self.engine.sync_now(&self.mailbox.key)).await.unwrap().unwrap()
    }

    async fn rows(&self) -> Vec<Row> {
        self.practice.rows(&Filter::default(), None, 200).await.unwrap().rows
    }

    /// Subjects of the mails that are here and not gone, with folder and UID.
    async fn mails(&self) -> BTreeMap<String, (String, u32)> {
        let mut out = BTreeMap::new();
        for row in self.rows().await {
            let mail = self.practice.mail(&row.mail).await.unwrap().unwrap();
            if !mail.gone {
                assert!(
                    out.insert(mail.subject.clone(), (mail.folder, mail.uid)).is_none(),
                    "{} twice",
                    mail.subject
                );
            }
        }
        out
    }

    /// Waits until a mail of this subject has come in.
    async fn until(&self, subject: &str) -> Key {
        let look = async {
            loop {
                for row in self.rows().await {
                    if self.practice.mail(&row.mail).await.unwrap().unwrap().subject == subject {
                        return row.mail;
                    }
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(Duration::from_secs(10), look).await.unwrap_or_else(|_| panic!("{subject} did not come in"))
    }

    /// Waits until the mailbox stands so.
    async fn phase(&self, phase: Phase) -> lps::engine::Standing {
        let mut standing = self.engine.standing(&self.mailbox.key).unwrap();
        let seen = timeout(Duration::from_secs(10), standing.wait_for(|now| now.phase == phase)).await;
        seen.unwrap_or_else(|_| panic!("never {phase:?}")).unwrap().clone()
    }

    /// A new process on the same data.
    async fn restart(self) -> Self {
        self.engine.stop().await;
        let Self { practice, mailbox, settings, _lists, dir, .. } = self;
        drop(practice);
        let practice = open(&dir).await;
        let engine = Engine::start(practice.clone(), settings.clone()).await.unwrap();
        Self { practice, engine, mailbox, settings, _lists, dir }
    }
}

async fn open(dir: &tempfile::TempDir) -> Practice {
    let db = db::Db::open_sqlite(&dir.path().join("practice.db")).await.unwrap();
    let setting = Setting { world: ins::World::Sandbox, ..Setting::default() };
    Practice::open(db, Clock::system(), setting).await.unwrap()
}

fn mail(subject: &str) -> String {
    format!(
        "From: a@b.mssante.fr\r\nTo: c@d.mssante.fr\r\nSubject: {subject}\r\nMessage-ID: <{subject}@x>\r\n\
         Date: Mon, 23 Nov 2026 09:00:00 +0100\r\n\r\nBonjour {subject}.\r\n"
    )
}

#[tokio::test]
async fn nobody_logged_in_is_a_state_and_not_an_error() {
    let field = Field::start(MODERN).await;
    let desk = Desk::at(field.server().port).await;
    desk.phase(Phase::NotLive).await;
    let failure = desk.engine.sync_now(&desk.mailbox.key).await.unwrap_err();
    assert_eq!((failure.stage, failure.retry), (Stage::Authenticate, RetryClass::Never));
    assert_eq!(field.server().connections(), 0, "no connection without anybody to open it");
    desk.log_in().await;
    assert_eq!(desk.sync().await.arrived, 0);
    let live = desk.phase(Phase::Live).await;
    assert_eq!(live.by.as_deref(), Some("Dr Test"));
    let known = desk.practice.mailbox(address().as_str()).await.unwrap().unwrap();
    assert_eq!((known.checked_by.as_deref(), known.failure), (Some("Dr Test"), None));
    assert!(known.checked_at.is_some(), "dernière relève");
    desk.engine.log_out(&desk.mailbox.key).await.unwrap();
    desk.phase(Phase::NotLive).await;
    assert_eq!(field.count("LOGOUT"), 1, "the session is ended properly");
    desk.engine.stop().await;
}

#[tokio::test]
async fn mail_comes_in_with_every_kind_of_server_and_stays_the_same_after_a_restart() {
    for capabilities in [MODERN, CONDSTORE, OLD] {
        let field = Field::start(capabilities).await;
        field.deliver(&mail("un"));
        field.deliver(&mail("deux"));
        let desk = Desk::with(field.server().port, |settings| {
            settings.sweep = Duration::ZERO;
        })
        .await;
        desk.log_in().await;
        let report = desk.sync().await;
        assert_eq!((report.failed, report.refused), (0, 0), "{capabilities}");
        assert_eq!(desk.mails().await.len(), 2, "{capabilities}");
        let first = desk.until("un").await;
        assert_eq!(desk.practice.mail_bytes(&first).await.unwrap().unwrap(), mail("un").into_bytes());

        // Another client reads one mail, deletes the other, and a third one comes.
        field.change(|state| {
            state.flag("INBOX", 1, "\\Seen");
            state.expunge("INBOX", 2);
            state.put("INBOX", &mail("trois"));
        });
        desk.sync().await;
        let mails = desk.mails().await;
        assert_eq!(mails.keys().collect::<Vec<_>>(), ["trois", "un"], "{capabilities}");
        let read = desk.practice.mail(&first).await.unwrap().unwrap();
        assert_eq!(read.flags, ["\\Seen"], "{capabilities}");

        let desk = desk.restart().await;
        field.deliver(&mail("quatre"));
        field.change(|state| state.expunge("INBOX", 3));
        desk.log_in().await;
        let bodies = field.count("UID FETCH 4 (UID BODY.PEEK[])");
        desk.sync().await;
        assert_eq!(desk.mails().await.keys().collect::<Vec<_>>(), ["quatre", "un"], "{capabilities}");
        assert_eq!(field.count("UID FETCH 4 (UID BODY.PEEK[])"), bodies + 1, "one body for one new mail");
        assert_eq!(
            field.count("CLOSE") + field.count("EXPUNGE") + field.count("UID STORE"),
            0,
            "L6: it only reads"
        );
        desk.engine.stop().await;
    }
}

#[tokio::test]
async fn idle_tells_of_new_mail_without_anybody_asking() {
    let field = Field::start(MODERN).await;
    let desk = Desk::at(field.server().port).await;
    desk.log_in().await;
    desk.phase(Phase::Live).await;
    field.deliver(&mail("tout de suite"));
    let key = desk.until("tout de suite").await;
    // What a person does reaches the server while the session waits.
    desk.engine.mark_seen(&key, true).await.unwrap();
    assert_eq!(field.change(|state| state.shelf("INBOX").messages[&1].flags.clone()), ["\\Seen"]);
    desk.engine.stop().await;
    assert_eq!(field.count("LOGOUT"), 1);
}

#[tokio::test]
async fn l5_a_folder_numbered_anew_files_nothing_twice_and_serves_no_other_mail() {
    let field = Field::start(MODERN).await;
    for subject in ["un", "deux", "trois"] {
        field.deliver(&mail(subject));
    }
    let desk = Desk::at(field.server().port).await;
    desk.log_in().await;
    desk.sync().await;
    let before: BTreeMap<Key, Key> = desk.rows().await.into_iter().map(|row| (row.key, row.mail)).collect();
    field.change(|state| {
        state.renumber("INBOX");
        state.put("INBOX", &mail("quatre"));
    });
    desk.sync().await;
    let mails = desk.mails().await;
    assert_eq!(mails.len(), 4, "{mails:?}");
    assert_eq!(mails["un"], ("INBOX".to_owned(), 101));
    let after: BTreeMap<Key, Key> = desk.rows().await.into_iter().map(|row| (row.key, row.mail)).collect();
    assert_eq!(after.len(), 4, "a mail that was known is not filed twice");
    assert!(before.iter().all(|(document, mail)| after.get(document) == Some(mail)), "names stay");
    desk.engine.stop().await;
}

#[tokio::test]
async fn l6_folders_are_what_the_server_says_and_a_moved_mail_is_the_same_mail() {
    let field = Field::start(MODERN).await;
    field.change(|state| {
        state.folder("Consentements", "\\HasNoChildren");
        state.folder("Objets transmis", "\\HasNoChildren \\Sent");
        state.folder("Dossiers", "\\Noselect");
        state.put("INBOX", &mail("un"));
        state.put("Consentements", &mail("consentement"));
        state.put("Objets transmis", &mail("parti d'ici"));
    });
    let desk = Desk::at(field.server().port).await;
    desk.log_in().await;
    desk.sync().await;
    assert_eq!(desk.mails().await.keys().collect::<Vec<_>>(), ["consentement", "un"]);
    let key = desk.until("un").await;
    field.change(|state| {
        let moved = state.expunge("INBOX", 1);
        state.put("Consentements", &moved.text);
    });
    desk.sync().await;
    assert_eq!(desk.mails().await["un"], ("Consentements".to_owned(), 2));
    assert_eq!(desk.until("un").await, key, "the same mail at another place");
    // The folder is renamed by another client: its mails are found again under the new name.
    field.change(|state| {
        let mut shelf = state.folders.remove("Consentements").unwrap();
        shelf.validity = 77;
        state.folders.insert("Accords".to_owned(), shelf);
    });
    desk.sync().await;
    let mails = desk.mails().await;
    assert_eq!(mails["un"].0, "Accords");
    assert_eq!(mails.len(), 2, "{mails:?}");
    desk.engine.stop().await;
}

#[tokio::test]
async fn l7_a_server_that_is_silent_holds_up_nobody_else() {
    let silent = Server::start(|_, mut peer| async move {
        peer.line().await; // never a greeting
    })
    .await;
    let field = Field::start(MODERN).await;
    field.deliver(&mail("un"));
    let desk = Desk::at(field.server().port).await;
    let place = json!({"imap": {"host": "localhost", "port": silent.port, "security": "starttls"}});
    for number in 0..40 {
        let address = format!("silent{number}@mail.example.test");
        let since = Timestamp::UNIX_EPOCH;
        let saved =
            desk.practice.save_mailbox(&address, MailboxKind::Per, "", place.clone(), since).await.unwrap();
        desk.engine.reload().await.unwrap();
        let source = TokenSource::new(token("s"), None, Clock::system());
        desk.engine.log_in(&saved.key, Login::token("x", source)).await.unwrap();
    }
    desk.log_in().await;
    assert_eq!(desk.mails().await.len(), 0);
    assert_eq!(desk.sync().await.fetched, 1, "forty silent servers do not take all the places");
    desk.engine.stop().await;
}

#[tokio::test]
async fn l8_two_mailboxes_of_one_server_never_see_each_others_mail() {
    let (one, other) = (Field::start(MODERN).await, Field::start(MODERN).await);
    one.deliver(&mail("à l'un"));
    other.deliver(&mail("à l'autre"));
    let desk = Desk::at(one.server().port).await;
    let place = json!({"imap": {"host": "localhost", "port": other.server().port, "security": "starttls"}});
    let second = desk
        .practice
        .save_mailbox("899700000026@mail.example.test", MailboxKind::Per, "", place, Timestamp::UNIX_EPOCH)
        .await
        .unwrap();
    desk.engine.reload().await.unwrap();
    desk.log_in().await;
    let source = TokenSource::new(token("b"), None, Clock::system());
    desk.engine.log_in(&second.key, Login::token("y", source)).await.unwrap();
    desk.sync().await;
    desk.engine.sync_now(&second.key).await.unwrap();
    let rows = desk.rows().await;
    assert_eq!(rows.len(), 2);
    for row in rows {
        let mail = desk.practice.mail(&row.mail).await.unwrap().unwrap();
        let expected = if mail.mailbox == second.key { "à l'autre" } else { "à l'un" };
        assert_eq!((mail.subject.as_str(), &row.mailbox), (expected, &mail.mailbox));
    }
    desk.engine.stop().await;
}

#[tokio::test]
async fn l9_no_token_goes_to_a_server_that_is_not_trusted_and_the_diagnosis_says_so() {
    let field = Field::start(MODERN).await;
    let desk = Desk::at(field.server().port).await;
    // The same server by a name that its certificate does not carry.
    let place = json!({"imap": {"host": "127.0.0.2", "port": field.server().port, "security": "starttls"}});
    let since = Timestamp::UNIX_EPOCH;
    desk.practice.save_mailbox(address().as_str(), MailboxKind::Per, "", place, since).await.unwrap();
    desk.engine.reload().await.unwrap();
    desk.log_in().await;
    let failure = desk.engine.sync_now(&desk.mailbox.key).await.unwrap_err();
    // 127.0.0.2 may not be listened on: what matters is what was not sent.
    assert!(matches!(failure.stage, Stage::Tls | Stage::Connect), "{failure}");
    assert!(!field.server().heard_credentials(&token("a")));
    let diagnosis = desk.engine.diagnose(&desk.mailbox.key).await.unwrap();
    assert!(!diagnosis.is_good(), "{diagnosis:?}");
    assert!(!format!("{diagnosis:?}").contains(token("a").reveal()));
    desk.engine.stop().await;
}

#[tokio::test]
async fn l10_hostile_servers_lose_nothing_and_cost_one_message_at_most() {
    let field = Field::start(MODERN).await;
    let big = format!("{}{}", mail("trop grand"), "x".repeat(60_000));
    for text in [mail("un"), big.clone(), mail("trois")] {
        field.deliver(&text);
    }
    field.change(|state| state.wrong.swap = true);
    let desk = Desk::with(field.server().port, |settings| settings.message = 20_000).await;
    desk.log_in().await;
    let report = desk.sync().await;
    assert_eq!((report.arrived, report.fetched, report.failed), (3, 2, 1));
    assert_eq!(desk.mails().await.keys().collect::<Vec<_>>(), ["trois", "un"]);
    for (subject, row) in [("un", mail("un")), ("trois", mail("trois"))] {
        let key = desk.until(subject).await;
        assert_eq!(
            desk.practice.mail_bytes(&key).await.unwrap().unwrap(),
            row.into_bytes(),
            "no other mail's body"
        );
    }
    let failing = desk.practice.failing(10).await.unwrap();
    let told = desk.practice.mail(&failing[0]).await.unwrap().unwrap().fetch_failure.unwrap();
    assert!(told.message.contains("60") && told.message.contains("20000"), "{told}");
    // The same with a lie about the size: it is read over, and the connection is kept.
    let connections = field.server().connections();
    field.change(|state| state.wrong.size = Some(10));
    field.deliver(&big.replace("trop grand", "plus grand encore"));
    field.deliver(&mail("cinq"));
    desk.until("cinq").await;
    assert_eq!(
        field.server().connections(),
        connections,
        "the connection survives a message that is too big"
    );
    // A UIDNEXT that lies hides nothing.
    field.change(|state| state.wrong.uid_next = Some(u32::MAX));
    field.deliver(&mail("six"));
    desk.until("six").await;
    field.change(|state| state.wrong.uid_next = Some(1));
    field.deliver(&mail("sept"));
    desk.until("sept").await;
    desk.engine.stop().await;
}

#[tokio::test]
async fn a_body_that_is_cut_has_its_turn_again_after_the_others() {
    let field = Field::start(MODERN).await;
    for subject in ["un", "deux", "trois"] {
        field.deliver(&mail(subject));
    }
    field.change(|state| state.wrong.cut = Some((2, 1)));
    let desk = Desk::at(field.server().port).await;
    desk.log_in().await;
    desk.until("un").await;
    desk.until("trois").await;
    let failing = desk.practice.failing(10).await.unwrap();
    assert_eq!(failing.len(), 1, "a technical failure is a fact of one mail");
    desk.practice.retry(&failing[0]).await.unwrap();
    desk.sync().await;
    desk.until("deux").await;
    assert_eq!(desk.mails().await.len(), 3);
    desk.engine.stop().await;
}

#[tokio::test]
async fn conf_08_and_11_a_closed_session_is_reopened_and_one_closed_folder_leaves_the_others() {
    let field = Field::start(MODERN).await;
    field.change(|state| {
        state.folder("Ferme", "\\HasNoChildren");
        state.folder("Ouvert", "\\HasNoChildren");
        state.put("Ouvert", &mail("ouvert"));
        state.wrong.closed = Some("Ferme");
        state.wrong.bye = true;
    });
    let desk = Desk::at(field.server().port).await;
    desk.log_in().await;
    assert_eq!(desk.sync().await.refused, 1);
    let reopened = async {
        while field.server().connections() < 3 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(10), reopened).await.unwrap();
    field.change(|state| state.wrong.bye = false);
    field.deliver(&mail("après"));
    desk.until("après").await;
    desk.until("ouvert").await;
    desk.engine.stop().await;
}

#[tokio::test]
async fn an_answer_without_end_is_cut_and_a_refused_person_is_not_presented_again() {
    let field = Field::start(MODERN).await;
    field.deliver(&mail("un"));
    field.change(|state| state.wrong.endless = true);
    let desk = Desk::at(field.server().port).await;
    desk.log_in().await;
    let failure = desk.engine.sync_now(&desk.mailbox.key).await.unwrap_err();
    assert!(failure.message.contains("no end"), "{failure}");
    field.change(|state| {
        state.wrong.endless = false;
        state.wrong.login = Some("NO [AUTHENTICATIONFAILED] not you");
    });
    desk.phase(Phase::NotLive).await;
    let connections = field.server().connections();
    tokio::time::sleep(Duration::from_millis(600)).await; // three times the longest wait
    assert_eq!(field.server().connections(), connections, "no endless retry with a refused token");
    let known = desk.practice.mailbox(address().as_str()).await.unwrap().unwrap();
    assert_eq!(known.failure.unwrap().stage, Stage::Authenticate);
    desk.engine.stop().await;
}

#[tokio::test]
async fn fetching_costs_less_than_a_tenth_of_a_round_trip_for_each_message() {
    let field = Field::start(MODERN).await;
    field.change(|state| {
        for number in 0..300 {
            state.put("INBOX", &mail(&format!("mail {number}")));
        }
    });
    let desk = Desk::at(field.server().port).await;
    desk.log_in().await;
    let report = desk.sync().await;
    assert_eq!(report.fetched, 300);
    let commands = field.count("UID FETCH") + field.count("SELECT");
    assert!(commands <= 30, "{commands} commands for 300 messages");
    desk.engine.stop().await;
}

#[tokio::test]
async fn the_diagnosis_says_how_far_a_connection_comes() {
    let field = Field::start(MODERN).await;
    let desk = Desk::at(field.server().port).await;
    let found = desk.engine.diagnose(&desk.mailbox.key).await.unwrap();
    let last = found.findings.last().unwrap();
    assert_eq!((last.step, last.cause), (Step::Login, Cause::NobodyLoggedIn));
    assert!(found.findings.iter().rev().skip(1).all(|one| one.grade != Grade::Bad), "{found:?}");
    desk.log_in().await;
    desk.phase(Phase::Live).await;
    let found = desk.engine.diagnose(&desk.mailbox.key).await.unwrap();
    assert!(found.is_good() && found.findings.last().unwrap().step == Step::Mailbox, "{found:?}");

    let place = |settings: serde_json::Value| {
        let (practice, engine, key) = (desk.practice.clone(), desk.engine.clone(), desk.mailbox.key.clone());
        async move {
            let since = Timestamp::UNIX_EPOCH;
            practice.save_mailbox(address().as_str(), MailboxKind::Per, "", settings, since).await.unwrap();
            engine.reload().await.unwrap();
            let found = engine.diagnose(&key).await.unwrap();
            let bad = found.findings.into_iter().find(|one| one.grade == Grade::Bad).unwrap();
            (bad.step, bad.cause)
        }
    };
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let imap = |port: u16| json!({"imap": {"host": "localhost", "port": port, "security": "starttls"}});
    assert_eq!(place(imap(closed)).await, (Step::Port, Cause::PortClosed));
    let web =
        Server::start(|_, mut peer| async move { peer.say("HTTP/1.1 400 Bad Request\r\n\r\n").await }).await;
    assert_eq!(place(imap(web.port)).await, (Step::Tls, Cause::NotMail));
    let bare = Server::start(|_, mut peer| async move {
        peer.say("* OK [CAPABILITY IMAP4rev1 AUTH=XOAUTH2] ready\r\n").await;
        peer.line().await;
    })
    .await;
    assert_eq!(place(imap(bare.port)).await, (Step::Tls, Cause::NoStartTls));
    assert_eq!(place(json!({})).await, (Step::Dns, Cause::DnsSilent));
    assert_eq!(place(json!({"imap": 4})).await, (Step::Settings, Cause::SettingsUnreadable));
    let missing = json!({"certificate": {"chain": "/nowhere.pem", "key": "/nowhere.key"}});
    assert_eq!(place(missing).await, (Step::OwnCertificate, Cause::SettingsUnreadable));
    desk.engine.stop().await;
}

#[tokio::test]
async fn implicit_tls_is_diagnosed_too() {
    let acceptor = lab().acceptor();
    let server = Server::start(move |_, peer| {
        let acceptor = acceptor.clone();
        async move {
            let Some(mut peer) = peer.tls(&acceptor).await else { return };
            peer.say("* OK [CAPABILITY IMAP4rev1 AUTH=XOAUTH2] ready\r\n").await;
            peer.imap("CAPABILITY", "* CAPABILITY IMAP4rev1 AUTH=XOAUTH2\r\n", "OK done").await;
            peer.imap("LOGOUT", "* BYE\r\n", "OK").await;
        }
    })
    .await;
    let desk = Desk::at(server.port).await;
    let place = json!({"imap": server.endpoint(Security::Tls)});
    desk.practice
        .save_mailbox(address().as_str(), MailboxKind::Per, "", place, Timestamp::UNIX_EPOCH)
        .await
        .unwrap();
    desk.engine.reload().await.unwrap();
    let found = desk.engine.diagnose(&desk.mailbox.key).await.unwrap();
    assert_eq!(found.findings.last().unwrap().cause, Cause::NobodyLoggedIn, "{found:?}");
    desk.engine.stop().await;
}
