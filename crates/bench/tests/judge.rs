//! The judge on transcripts written by hand: whose message is held against what, and what a verdict needs.

#![allow(clippy::unwrap_used)]

use bench::judge::{Context, Driver, Judgement, Marks, Meanwhile, Message, Verdict, judge};
use bench::scenario::Catalogue;
use kernel::Timestamp;
use rules::Outcome;
use wire::{
    AuthFacts, AuthOutcome, ConnectionId, Direction, Event, Fact, MailFacts, Origin, Service, TlsFacts,
};

const BOX: &str = "899700000018@mail-tests-editeur.vaguemestre.test";

/// A transcript that grows line by line.
#[derive(Default)]
struct Wire {
    events: Vec<Event>,
    bytes: Vec<(String, Vec<u8>)>,
}

impl Wire {
    fn push(&mut self, connection: i64, service: Service, fact: Fact) {
        let seq = i64::try_from(self.events.len()).unwrap() + 1;
        let at = Timestamp::from_second(1_795_000_000 + seq).unwrap();
        self.events.push(Event { seq, at, connection: ConnectionId(connection), service, fact });
    }

    /// A connection under STARTTLS that logs in.
    fn login(&mut self, connection: i64, service: Service, run: Option<i64>, accepted: bool) {
        let origin = Origin { service, peer: "127.0.0.1:9".into(), port: 1, implicit_tls: false, run };
        self.push(connection, service, Fact::Connected { origin });
        self.push(
            connection,
            service,
            Fact::Line { direction: Direction::Client, text: "a STARTTLS".into() },
        );
        let tls = TlsFacts { version: "TLSv1.3".into(), suite: "x".into(), sni: None, certificate: None };
        self.push(connection, service, Fact::TlsEstablished { tls });
        let outcome = if accepted {
            AuthOutcome::Accepted { mailbox: BOX.into(), identity: "899700000018".into() }
        } else {
            AuthOutcome::Refused { code: "token_expired".into(), reason: "expired".into() }
        };
        let auth = AuthFacts {
            mechanism: "XOAUTH2".into(),
            user: BOX.into(),
            tls: true,
            token: None,
            certificate_serial: None,
            outcome,
        };
        self.push(connection, service, Fact::Auth { auth });
    }

    fn mail(&mut self, connection: i64, to: &str, bytes: &[u8]) {
        let queue_id = format!("Q{}", self.bytes.len() + 1);
        let mail = MailFacts {
            queue_id: queue_id.clone(),
            mailbox: BOX.into(),
            from: BOX.into(),
            to: vec![to.into()],
            size: bytes.len() as u64,
            sha256: kernel::sha256_hex(bytes),
            message_id: None,
            helo: "lps".into(),
        };
        self.push(connection, Service::Smtp, Fact::Mail { mail });
        self.bytes.push((queue_id, bytes.to_vec()));
    }

    fn judge(&self, job: &str, driver: Driver, recipients: &[&str]) -> Judgement {
        self.judge_answer(job, driver, recipients, None)
    }

    fn judge_answer(
        &self,
        job: &str,
        driver: Driver,
        recipients: &[&str],
        original: Option<&str>,
    ) -> Judgement {
        let catalogue = Catalogue::load().unwrap();
        let context = Context {
            run: 31,
            nil: "2621".into(),
            mailbox: BOX.into(),
            identity: "899700000018".into(),
            driver,
            marks: Marks {
                recipients: recipients.iter().map(|text| (*text).to_owned()).collect(),
                ..Marks::default()
            },
            opened: Timestamp::from_second(1_795_000_000).unwrap(),
            closed: Timestamp::from_second(1_795_000_100).unwrap(),
            accelerated: false,
            canned: false,
            adapter: Vec::new(),
            strangers: 0,
            control: None,
            meanwhile: Meanwhile::default(),
            original: original.map(str::to_owned),
            product_name: String::new(),
            product_version: None,
            truncated: false,
            doors: Default::default(),
            began: Default::default(),
            handed: Default::default(),
            shared: None,
            wanted: Default::default(),
        };
        let messages: Vec<Message<'_>> =
            self.bytes.iter().map(|(queue_id, bytes)| Message { queue_id, bytes }).collect();
        judge(catalogue.find(job).unwrap(), &context, &self.events, &messages)
    }
}

fn patient() -> ins::Identity {
    ins::Identity {
        matricule: ins::Matricule::from_body("2800199351001").ok(),
        oid: Some(ins::Nature::Test.oid().into()),
        traits: ins::Traits {
            birth_name: Some("TEST".into()),
            first_given: Some("ADRIENNE".into()),
            birth_date: ins::BirthDate::parse("19800115"),
            sex: Some(ins::Sex::Female),
            ..ins::Traits::default()
        },
    }
}

/// A mail by our own writer: with a letter, or plain.
fn mail(with_document: bool) -> Vec<u8> {
    let address = |text: &str| mss::Address::parse(text).unwrap();
    let date = Timestamp::from_second(1_795_000_000).unwrap();
    let mut draft = mss::Draft::new(address(BOX), vec![address(BOX)], "2621", date);
    draft.text = "Bonjour".into();
    if with_document {
        let letter = cda::Draft::small(cda::SmallKind::DischargeLetter, "2.25.7", patient());
        draft.documents.push(mss::Document::new(cda::write(&letter)));
    }
    mss::compose(&draft).unwrap()
}

fn without(bytes: &[u8], header: &str) -> Vec<u8> {
    let text = String::from_utf8_lossy(bytes);
    text.split_inclusive("\r\n").filter(|line| !line.starts_with(header)).collect::<String>().into_bytes()
}

#[test]
fn with_a_person_messages_are_taken_in_the_order_of_the_steps() {
    let mut wire = Wire::default();
    wire.login(1, Service::Smtp, None, true);
    wire.mail(1, BOX, &mail(true));
    wire.login(2, Service::Smtp, None, true);
    wire.mail(2, BOX, &mail(false));
    let judgement = wire.judge("psc-plain", Driver::Person, &[BOX, BOX]);
    assert_eq!(judgement.verdict, Verdict::Passed, "{:#?}", judgement.checks);

    // The other way round, the test is about other mails than those sent: nothing is proven, nobody fails.
    let mut wire = Wire::default();
    wire.login(1, Service::Smtp, None, true);
    wire.mail(1, BOX, &mail(false));
    wire.mail(1, BOX, &mail(true));
    let judgement = wire.judge("psc-plain", Driver::Person, &[BOX, BOX]);
    assert_eq!(judgement.verdict, Verdict::Inconclusive, "{:#?}", judgement.checks);
}

#[test]
fn a_negative_test_without_its_control_is_inconclusive_and_a_fault_seen_is_a_failure_all_the_same() {
    // The client never writes X-MSS-CODECDA: its absence on a plain mail proves nothing.
    let mut wire = Wire::default();
    wire.login(1, Service::Smtp, None, true);
    wire.mail(1, BOX, &without(&mail(true), "X-MSS-CODECDA"));
    wire.mail(1, BOX, &mail(false));
    let judgement = wire.judge("psc-plain", Driver::Person, &[BOX, BOX]);
    assert_eq!(judgement.verdict, Verdict::Inconclusive, "{:#?}", judgement.checks);

    let mut wire = Wire::default();
    wire.login(1, Service::Smtp, None, true);
    wire.mail(1, BOX, &without(&mail(true), "X-MSS-CODECDA"));
    let mut bad = b"X-MSS-INS: N\r\n".to_vec();
    bad.extend(mail(false));
    wire.mail(1, BOX, &bad);
    let judgement = wire.judge("psc-plain", Driver::Person, &[BOX, BOX]);
    assert_eq!(judgement.verdict, Verdict::Failed, "{:#?}", judgement.checks);
    let failed: Vec<_> = judgement
        .checks
        .iter()
        .filter(|check| check.outcome == Outcome::Failed)
        .map(|check| &check.requirement)
        .collect();
    assert!(failed.iter().any(|requirement| *requirement == "SC.MSS/CONF.14"), "{failed:?}");
}

#[test]
fn with_an_adapter_the_recipient_decides_and_not_the_order() {
    let mut wire = Wire::default();
    wire.login(1, Service::Smtp, Some(31), true);
    wire.mail(1, "two@x", &mail(false));
    wire.mail(1, "one@x", &mail(true));
    let judgement = wire.judge("psc-plain", Driver::Adapter, &["one@x", "two@x"]);
    assert_eq!(judgement.verdict, Verdict::Passed, "{:#?}", judgement.checks);
    // Another run's connection is nobody's business.
    let mut other = Wire::default();
    other.login(1, Service::Smtp, Some(30), true);
    other.mail(1, "one@x", &mail(true));
    assert_eq!(other.judge("psc-plain", Driver::Adapter, &["one@x", "two@x"]).verdict, Verdict::Inconclusive);
}

#[test]
fn a_person_is_not_judged_on_what_only_an_adapter_can_show() {
    let mut wire = Wire::default();
    wire.login(1, Service::Imap, None, true);
    let judgement = wire.judge("psc-tls-floor", Driver::Person, &[]);
    let adapter = wire.judge("psc-tls-floor", Driver::Adapter, &[]);
    assert_eq!(judgement.checks.len() + 1, adapter.checks.len());
}

#[test]
fn a_step_that_was_not_done_proves_nothing() {
    let mut wire = Wire::default();
    wire.login(1, Service::Smtp, None, true);
    wire.mail(1, BOX, &mail(true));
    let judgement = wire.judge("psc-plain", Driver::Person, &[BOX, BOX]);
    assert_eq!(judgement.verdict, Verdict::Inconclusive, "{:#?}", judgement.checks);
    assert!(judgement.checks.iter().all(|check| check.outcome != Outcome::Failed), "{:#?}", judgement.checks);
}

#[test]
fn an_answer_is_known_by_what_it_answers_whatever_came_first() {
    let original = "<a-repondre-r31@x>";
    let mut answer = format!("In-Reply-To: {original}\r\nReferences: {original}\r\n").into_bytes();
    answer.extend(mail(false));
    let judge = |mails: &[&[u8]]| {
        let mut wire = Wire::default();
        wire.login(1, Service::Imap, None, true);
        wire.login(2, Service::Smtp, None, true);
        mails.iter().for_each(|bytes| wire.mail(2, BOX, bytes));
        wire.judge_answer("psc-reply", Driver::Person, &[BOX, BOX], Some(original))
    };
    for mails in [[&mail(false)[..], &answer[..]], [&answer[..], &mail(false)[..]]] {
        let judgement = judge(&mails);
        assert_eq!(judgement.verdict, Verdict::Passed, "{:#?}", judgement.checks);
    }
    // The answer alone: the control is missing, and the answer is not blamed for it.
    let judgement = judge(&[&answer]);
    assert_eq!(judgement.verdict, Verdict::Inconclusive, "{:#?}", judgement.checks);
    // A second mail that answers nothing is judged as the answer that it is not.
    let judgement = judge(&[&mail(false), &mail(false)]);
    assert_eq!(judgement.verdict, Verdict::Failed, "{:#?}", judgement.checks);
}

#[test]
fn a_client_that_gives_the_bare_identifier_is_told_so() {
    let mut wire = Wire::default();
    wire.login(1, Service::Imap, None, false);
    for event in &mut wire.events {
        if let Fact::Auth { auth } = &mut event.fact {
            auth.user = "899700000018".into();
            let (code, reason) = ("unknown_mailbox".into(), "no such mailbox".into());
            auth.outcome = AuthOutcome::Refused { code, reason };
        }
    }
    let judgement = wire.judge("psc-auth-imap", Driver::Person, &[]);
    assert_eq!(judgement.verdict, Verdict::Failed, "{:#?}", judgement.checks);
}

#[test]
fn a_handshake_that_nobody_can_be_told_from_explains_and_condemns_nobody() {
    let mut wire = Wire::default();
    let service = Service::Imap;
    let origin = Origin { service, peer: "127.0.0.1:9".into(), port: 1, implicit_tls: false, run: None };
    wire.push(1, service, Fact::Connected { origin });
    wire.push(
        1,
        service,
        Fact::TlsFailed { reason: "the client does not know the authority".into(), certificate: None },
    );
    wire.push(1, service, Fact::Closed { reason: "eof".into() });
    let judgement = wire.judge("psc-auth-imap", Driver::Person, &[]);
    assert_eq!(judgement.verdict, Verdict::Inconclusive, "{:#?}", judgement.checks);
    assert!(judgement.checks.iter().any(|check| check.received.fr.contains("does not know the authority")));
    // Once the mailbox itself was seen, it is nobody's business any more.
    wire.login(2, service, None, true);
    let judgement = wire.judge("psc-auth-imap", Driver::Person, &[]);
    assert_eq!(judgement.verdict, Verdict::Passed, "{:#?}", judgement.checks);
}

#[test]
fn silence_is_never_a_pass() {
    for scenario in Catalogue::load().unwrap().iter() {
        for driver in [Driver::Person, Driver::Adapter] {
            let judgement = Wire::default().judge(&scenario.id, driver, &[]);
            assert_eq!(judgement.verdict, Verdict::Inconclusive, "{} {driver:?}", scenario.id);
            assert!(
                judgement
                    .checks
                    .iter()
                    .all(|check| !check.expected.fr.is_empty() && !check.expected.en.is_empty())
            );
        }
    }
}
