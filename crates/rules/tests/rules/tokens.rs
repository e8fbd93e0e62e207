//! A refused token, and what the client does of it.

use rules::{Check, LoginAccepted, Outcome, Protocol, TokenRenewed};

use crate::story::{FROM, Story};

const PROTOCOL: Protocol = Protocol::Imap;

fn renewed(story: &Story) -> Check {
    story.judge(|transcript, _| {
        TokenRenewed { requirement: "SC.MSS/CONF.11", protocol: PROTOCOL }.check(transcript)
    })
}

fn story(logins: &[(&str, &str)]) -> Story {
    let mut story = Story::imap();
    for (token, code) in logins {
        story.connect().says("a STARTTLS").tls().login(token, code);
    }
    story
}

#[test]
fn another_token_after_the_refusal_passes() {
    let story = story(&[("A", "token_refused"), ("B", "")]);
    let check = renewed(&story);
    assert_eq!((check.outcome, check.decided_by), (Outcome::Passed, Some(12)), "{check:?}");
    let login = story.judge(|transcript, _| {
        LoginAccepted { requirement: "SC.MSS/CONF.07", protocol: PROTOCOL, mailbox: FROM }.check(transcript)
    });
    assert_eq!(login.outcome, Outcome::Passed);
}

#[test]
fn it_may_be_on_the_same_connection_and_after_one_more_refusal() {
    let mut story = Story::imap();
    story.connect().tls().login("A", "token_refused").login("B", "");
    assert_eq!(renewed(&story).outcome, Outcome::Passed);
    let story = self::story(&[("A", "token_expired"), ("B", "token_refused"), ("C", "")]);
    assert_eq!(renewed(&story).outcome, Outcome::Passed);
}

#[test]
fn each_way_of_getting_it_wrong_has_its_sentence() {
    for (logins, by, received, next) in [
        (&[("A", "token_refused"), ("A", "token_refused")][..], 12, "Jeton refusé réutilisé", "Écarter"),
        (
            &[("A", "token_refused"), ("B", ""), ("A", "token_refused")],
            18,
            "Jeton refusé réutilisé",
            "Écarter",
        ),
        (&[("A", "token_refused"), ("A", "")], 12, "Jeton refusé réutilisé", "Écarter"),
        (&[("A", "token_refused")], 6, "pas de nouvelle connexion après le refus", "Renouveler le jeton"),
        (&[("A", "token_refused"), ("B", "token_expired")], 12, "jeton expiré", "Rafraîchir"),
        (
            &[("A", "token_refused"), ("B", "token_refused"), ("C", "token_refused"), ("D", "")],
            18,
            "2 connexions refusées",
            "qu’une fois",
        ),
    ] {
        let check = renewed(&story(logins));
        assert_eq!((check.outcome, check.decided_by), (Outcome::Failed, Some(by)), "{check:?}");
        assert!(check.received.fr.contains(received) && check.next.fr.contains(next), "{check:?}");
    }
}

#[test]
fn an_attempt_that_was_under_way_is_no_reuse() {
    let mut story = Story::imap();
    story.connect().tls().says("a AUTHENTICATE XOAUTH2"); // connection 1
    story.connect().tls().says("a AUTHENTICATE XOAUTH2"); // connection 2, before 1 is answered
    story.on(1).outcome("A", "token_refused");
    story.on(2).outcome("A", "token_refused");
    assert!(renewed(&story).received.fr.contains("pas de nouvelle connexion"));
    story.on(2).connection_three();
    assert_eq!(renewed(&story).outcome, Outcome::Passed);
}

impl Story {
    fn connection_three(&mut self) {
        self.on(2).connect().tls().login("B", "");
    }
}

#[test]
fn without_a_refusal_nothing_is_proven() {
    assert_eq!(renewed(&Story::imap()).outcome, Outcome::Inconclusive);
    assert_eq!(renewed(&story(&[("A", "")])).outcome, Outcome::Inconclusive);
}
