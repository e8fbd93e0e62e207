//! STARTTLS and the TLS floor.

use rules::{Check, LoginAccepted, OldTlsRefused, Outcome, Protocol, StartTls, TlsOffered};
use wire::{Fact, old_tls};

use crate::story::{FROM, Story};

fn starttls(story: &Story, protocol: Protocol) -> Check {
    story.judge(|transcript, _| StartTls { requirement: "SC.MSS/CONF.06", protocol }.check(transcript))
}

fn offered(story: &Story) -> Check {
    let protocol = Protocol::Imap;
    story.judge(|transcript, _| TlsOffered { requirement: "SC.MSS/CONF.01", protocol }.check(transcript))
}

fn old(story: &Story) -> Check {
    let protocol = Protocol::Imap;
    story.judge(|transcript, _| OldTlsRefused { requirement: "SC.MSS/CONF.01", protocol }.check(transcript))
}

#[test]
fn starttls_with_its_preliminaries_passes() {
    let mut imap = Story::imap();
    imap.connect().says("a CAPABILITY").says("b ID NIL").says("c noop").says("d STARTTLS").tls();
    imap.login("A", "");
    let check = starttls(&imap, Protocol::Imap);
    assert_eq!((check.outcome, check.decided_by), (Outcome::Passed, Some(7)), "{check:?}");
    assert!(check.received.fr.contains("TLSv1.3"));

    let mut smtp = Story::smtp();
    smtp.connect().says("EHLO lps").says("STARTTLS").tls().says("EHLO lps").says("AUTH XOAUTH2");
    assert_eq!(starttls(&smtp, Protocol::Smtp).outcome, Outcome::Passed);
}

#[test]
fn what_must_not_be_said_in_clear_fails() {
    for (line, port) in
        [("b LOGIN bob [7 octets masqués]", 4), ("b SELECT INBOX", 4), ("[8 octets masqués]", 4)]
    {
        let mut story = Story::imap();
        story.connect().says("a CAPABILITY").says("a STARTTLS").says(line);
        let check = starttls(&story, Protocol::Imap);
        assert_eq!((check.outcome, check.decided_by), (Outcome::Failed, Some(port)), "{check:?}");
        assert!(check.received.fr.contains(line) && check.next.fr.contains("STARTTLS d’abord"), "{check:?}");
    }
    let mut story = Story::smtp();
    story.connect().says("EHLO lps").says("AUTH XOAUTH2 [88 octets masqués]").says("STARTTLS").tls();
    assert!(starttls(&story, Protocol::Smtp).received.fr.contains("AUTH XOAUTH2"));

    let mut story = Story::imap();
    story
        .connect()
        .says("a STARTTLS")
        .fact(Fact::Violation { what: "9 octets sent in clear behind STARTTLS".into() });
    let check = starttls(&story, Protocol::Imap);
    assert!(check.outcome == Outcome::Failed && check.received.fr.contains("9 octets"), "{check:?}");
}

#[test]
fn no_ehlo_after_tls_fails() {
    let mut story = Story::smtp();
    story.connect().says("EHLO lps").says("STARTTLS").tls().says("AUTH XOAUTH2");
    let check = starttls(&story, Protocol::Smtp);
    assert!(check.outcome == Outcome::Failed && check.next.fr.contains("Renvoyer EHLO"), "{check:?}");
}

#[test]
fn implicit_tls_fails_and_the_plain_port_is_named() {
    let mut story = Story::imap();
    story.connect_implicit().tls().login("A", "");
    let check = starttls(&story, Protocol::Imap);
    assert_eq!(check.outcome, Outcome::Failed);
    assert!(check.received.fr.contains("1993") && check.next.fr.contains("143"), "{check:?}");
}

#[test]
fn nothing_seen_is_not_a_pass() {
    assert_eq!(starttls(&Story::imap(), Protocol::Imap).outcome, Outcome::Inconclusive);
    let mut story = Story::imap();
    story.connect().says("a STARTTLS").old_tls("TLS 1.1 refusé par le client : alerte protocol_version (70)");
    assert_eq!(starttls(&story, Protocol::Imap).outcome, Outcome::Inconclusive);
    let mut story = Story::imap();
    story.connect().says("a CAPABILITY").says("b LOGOUT");
    assert_eq!(starttls(&story, Protocol::Imap).outcome, Outcome::Failed);
}

#[test]
fn the_versions_offered_are_told_and_judged() {
    let mut story = Story::imap();
    story.connect().says("a STARTTLS").tls();
    let check = offered(&story);
    assert_eq!(
        (check.outcome, check.received.fr.as_str()),
        (Outcome::Passed, "Versions proposées : TLS 1.3, TLS 1.2")
    );

    let mut story = Story::imap();
    story.connect().hello(0x0303, &[0x0303]);
    let check = offered(&story);
    assert!(check.outcome == Outcome::Passed && check.received.fr.contains("sans l’extension"), "{check:?}");

    for (legacy, versions, told) in [
        (0x0303, &[0x0304, 0x0303, 0x0302, 0x0301][..], "TLS 1.3, TLS 1.2, TLS 1.1, TLS 1.0"),
        (0x0302, &[0x0302], "TLS 1.1"),
        (0x0300, &[0x0300], "SSL 3.0"),
    ] {
        let mut story = Story::imap();
        story.connect().tls().connect().hello(legacy, versions);
        let check = offered(&story);
        assert_eq!((check.outcome, check.decided_by), (Outcome::Failed, Some(5)));
        assert!(check.received.fr.ends_with(told), "{check:?}");
    }

    assert_eq!(offered(&Story::imap()).outcome, Outcome::Inconclusive);
    let mut story = Story::imap();
    story.connect().says("a LOGOUT");
    assert_eq!(offered(&story).outcome, Outcome::Inconclusive);
}

#[test]
fn a_downgrade_after_the_old_server_is_seen() {
    let mut story = Story::imap();
    story.connect().old_tls(old_tls::REFUSED).connect().hello(0x0302, &[0x0302]);
    assert_eq!(offered(&story).outcome, Outcome::Failed);
}

#[test]
fn the_old_server_must_be_refused() {
    let mut story = Story::imap();
    story.connect().old_tls("TLS 1.1 refusé par le client : alerte protocol_version (70)");
    let check = old(&story);
    assert_eq!((check.outcome, check.decided_by), (Outcome::Passed, Some(4)));
    assert!(check.received.fr.contains("protocol_version"));

    story.connect().old_tls("TLS 1.1 accepté par le client : ClientKeyExchange reçu");
    let check = old(&story);
    assert_eq!((check.outcome, check.decided_by), (Outcome::Failed, Some(8)));
    assert!(check.next.fr.contains("TLS 1.2 au minimum"));

    let mut story = Story::imap();
    story.connect().old_tls(old_tls::UNCLEAR);
    assert_eq!(old(&story).outcome, Outcome::Inconclusive);
}

#[test]
fn who_never_came_to_the_old_server_proves_nothing() {
    let never = "Le client n’est pas venu sur ce point d’accès";
    assert_eq!(old(&Story::imap()).received.fr, never);
    let mut story = Story::imap();
    story.connect().says("a STARTTLS").tls().login("A", "");
    let check = old(&story);
    assert_eq!((check.outcome, check.received.fr.as_str()), (Outcome::Inconclusive, never));
    let mut story = Story::imap();
    story.connect().says("a LOGOUT");
    assert!(old(&story).received.fr.contains("n’y a pas engagé TLS"));
}

#[test]
fn a_faulty_connection_does_not_spoil_the_login() {
    let mut story = Story::imap();
    story.connect().says("a STARTTLS").old_tls(old_tls::REFUSED);
    let login = |story: &Story| {
        story.judge(|transcript, _| {
            LoginAccepted { requirement: "SC.MSS/CONF.07", protocol: Protocol::Imap, mailbox: FROM }
                .check(transcript)
        })
    };
    assert_eq!(login(&story).outcome, Outcome::Inconclusive);
    story.connect().says("a STARTTLS").tls().login("A", "");
    assert_eq!(login(&story).outcome, Outcome::Passed);
    assert_eq!(starttls(&story, Protocol::Imap).outcome, Outcome::Passed);
}
