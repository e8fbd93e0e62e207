use kernel::Timestamp;
use wire::{AuthFacts, AuthOutcome, ConnectionId, Direction, Event, Fact, Origin, Service, TokenFacts};

use super::*;
use crate::Outcome;

const HANDED: &str = "jti-handed";

/// A story: each beat a connection of its own, one second after the one before.
#[derive(Default)]
struct Story(Vec<Event>);

impl Story {
    fn tell(mut self, service: Service, facts: Vec<Fact>) -> Self {
        let connection = ConnectionId(self.0.last().map_or(1, |last| last.connection.0 + 1));
        let origin = Origin { service, peer: String::new(), port: 1, implicit_tls: false, run: Some(1) };
        for fact in std::iter::once(Fact::Connected { origin }).chain(facts) {
            let seq = i64::try_from(self.0.len()).unwrap() + 1;
            self.0.push(Event {
                seq,
                at: Timestamp::from_second(1_000 + seq).unwrap(),
                connection,
                service,
                fact,
            });
        }
        self
    }

    /// A login over IMAP with this token; refused with a code, or accepted.
    fn login(self, jti: &str, code: &str) -> Self {
        self.login_by(Service::Imap, "a AUTHENTICATE XOAUTH2", jti, code)
    }

    fn login_by(self, service: Service, line: &str, jti: &str, code: &str) -> Self {
        let outcome = match code {
            "" => AuthOutcome::Accepted { mailbox: "a@b".into(), identity: "8".into() },
            code => AuthOutcome::Refused { code: code.into(), reason: String::new() },
        };
        let token = TokenFacts {
            sha256: format!("sha-{jti}"),
            claimed_jti: Some(jti.into()),
            claimed_identity: None,
        };
        let auth = AuthFacts {
            mechanism: "XOAUTH2".into(),
            user: "a@b".into(),
            tls: true,
            token: Some(token),
            certificate_serial: None,
            outcome,
        };
        self.tell(service, vec![said(line), Fact::Auth { auth }])
    }

    fn psc(self, note: &str) -> Self {
        self.tell(Service::Psc, vec![Fact::Note { text: note.into() }])
    }

    fn judged(&self, must: SessionMust, bound: u32) -> (Outcome, String) {
        self.judged_on(Protocol::Imap, must, bound)
    }

    fn judged_on(&self, protocol: Protocol, must: SessionMust, bound: u32) -> (Outcome, String) {
        let requirement = "SC.MSS/CONF.11";
        let session = Session { requirement, protocol, must, bound, handed: Some(HANDED), mailbox: "A@b" };
        let check = session.check(&Transcript::new(&self.0), &[]);
        assert!(check.outcome == Outcome::Passed || !check.next.fr.is_empty(), "{check:?}");
        (check.outcome, check.received.fr)
    }
}

fn said(line: &str) -> Fact {
    Fact::Line { direction: Direction::Client, text: line.into() }
}

const GRANTED: &str = "token granted by=refresh client=lps-1 jti=x sid=s sha256=y";
const OVER: &str = "token refused error=invalid_grant (The session is over.) sid=s";
const AWAY: &str = "token unanswered sid=s";

#[test]
fn a_new_token_passes_and_the_old_one_never_does() {
    use Outcome::{Failed, Inconclusive, Passed};
    let story = Story::default;
    for (case, outcome, part) in [
        (story().login(HANDED, "token_expired").psc(GRANTED).login("B", ""), Passed, "autre jeton"),
        (story().psc(GRANTED).login("B", ""), Passed, "autre jeton"),
        (
            story().login(HANDED, "").login(HANDED, "token_expired").psc(GRANTED).login("B", ""),
            Passed,
            "autre jeton",
        ),
        (story().login(HANDED, "token_expired").login(HANDED, "token_expired"), Failed, "réutilisé"),
        (
            story().login(HANDED, "token_expired").login("B", "").login(HANDED, "token_expired"),
            Failed,
            "réutilisé",
        ),
        (story().login(HANDED, ""), Failed, "Pas de connexion"),
        (story().psc(OVER), Failed, "Pas de connexion"),
        (story(), Inconclusive, "Ni connexion"),
    ] {
        let (got, received) = case.judged(SessionMust::Renew, 0);
        assert_eq!(got, outcome, "{received}");
        assert!(received.contains(part), "{received}");
    }
}

#[test]
fn after_the_end_of_the_session_nothing_more_is_tried() {
    use Outcome::{Failed, Inconclusive, Passed};
    let story = Story::default;
    for (case, outcome, part) in [
        (story().login(HANDED, "token_expired").psc(OVER), Passed, "plus rien ensuite"),
        (story().psc(OVER).login(HANDED, "token_expired"), Failed, "après la fin"),
        (story().psc(OVER).psc(OVER), Failed, "1 demande(s)"),
        (story().login(HANDED, "token_expired"), Inconclusive, "n’a pas été présenté"),
        (story().psc(GRANTED), Inconclusive, "n’a pas été présenté"),
    ] {
        let (got, received) = case.judged(SessionMust::End, 0);
        assert_eq!(got, outcome, "{received}");
        assert!(received.contains(part), "{received}");
    }
}

#[test]
fn tries_are_counted_whoever_is_asked() {
    let story = Story::default;
    let three =
        story().login("A", "token_signature").login("B", "token_signature").login("C", "token_signature");
    assert_eq!(three.judged(SessionMust::GiveUp, 3).0, Outcome::Passed);
    assert_eq!(three.judged(SessionMust::GiveUp, 2).0, Outcome::Failed);
    let again = story().login("A", "token_signature").login("A", "token_signature");
    assert!(again.judged(SessionMust::GiveUp, 3).1.contains("réutilisé"));
    assert_eq!(story().psc(GRANTED).psc(GRANTED).judged(SessionMust::GiveUp, 1).0, Outcome::Failed);
    assert_eq!(story().login("A", "").judged(SessionMust::GiveUp, 3).0, Outcome::Inconclusive);
    assert_eq!(story().judged(SessionMust::GiveUp, 3).0, Outcome::Inconclusive);

    let patient = story().psc(AWAY).psc(AWAY);
    assert_eq!(patient.judged(SessionMust::SparePsc, 2).0, Outcome::Passed);
    assert_eq!(patient.judged(SessionMust::SparePsc, 1).0, Outcome::Failed);
    assert_eq!(story().psc(GRANTED).judged(SessionMust::SparePsc, 3).0, Outcome::Inconclusive);
    assert_eq!(story().login(HANDED, "").judged(SessionMust::DoWithoutPsc, 0).0, Outcome::Passed);
    assert_eq!(patient.judged(SessionMust::DoWithoutPsc, 0).0, Outcome::Failed);
    assert_eq!(story().judged(SessionMust::DoWithoutPsc, 0).0, Outcome::Inconclusive);
}

#[test]
fn a_login_with_a_code_is_followed_to_the_mailbox() {
    let begun = || Story::default().psc("authorization granted sid=s redirect=http://127.0.0.1/callback/r1");
    let granted = || begun().psc("token granted by=code client=lps-1 jti=x sid=s sha256=y");
    assert_eq!(granted().login("B", "").judged(SessionMust::LogIn, 0).0, Outcome::Passed);
    assert_eq!(granted().login("B", "token_expired").judged(SessionMust::LogIn, 0).0, Outcome::Failed);
    assert_eq!(begun().judged(SessionMust::LogIn, 0).0, Outcome::Inconclusive);
    let twice = granted()
        .psc("token refused error=invalid_grant (The code was used already: its session is closed.) sid=s");
    assert!(twice.login("B", "").judged(SessionMust::LogIn, 0).1.contains("used already"));
    let bare = Story::default()
        .psc("authorization refused error=invalid_request (state is missing.) redirect=http://x/r1");
    let (outcome, received) = bare.login("B", "").judged(SessionMust::LogIn, 0);
    assert!(outcome == Outcome::Failed && received.ends_with("(state is missing.)"), "{received}");
}

#[test]
fn lines_and_connections_are_measured() {
    let smtp = |line: &str| Story::default().login_by(Service::Smtp, line, HANDED, "");
    let long = smtp("AUTH XOAUTH2 [6012 octets masqués]");
    assert_eq!(
        long.judged_on(Protocol::Smtp, SessionMust::ShortLine, 0),
        (Outcome::Failed, "Ligne AUTH de 6027 octets".into())
    );
    for line in ["AUTH XOAUTH2", "AUTH XOAUTH2 [400 octets masqués]"] {
        assert_eq!(
            smtp(line).judged_on(Protocol::Smtp, SessionMust::ShortLine, 0).0,
            Outcome::Passed,
            "{line}"
        );
    }
    let imap = |line: &str| Story::default().login_by(Service::Imap, line, HANDED, "");
    assert_eq!(imap("a AUTHENTICATE XOAUTH2").judged(SessionMust::WaitForPrompt, 0).0, Outcome::Passed);
    assert_eq!(
        imap("a AUTHENTICATE XOAUTH2 [90 octets masqués]").judged(SessionMust::WaitForPrompt, 0).0,
        Outcome::Failed
    );
    let two = Story::default().login(HANDED, "").login(HANDED, "");
    assert_eq!(two.judged(SessionMust::FewConnections, 2).0, Outcome::Passed);
    assert_eq!(two.judged(SessionMust::FewConnections, 1).0, Outcome::Failed);
    assert_eq!(two.judged(SessionMust::RightMailbox, 0).0, Outcome::Passed);
    let session = Session {
        requirement: "SC.MSS/CONF.07",
        protocol: Protocol::Imap,
        must: SessionMust::RightMailbox,
        bound: 0,
        handed: None,
        mailbox: "org@b",
    };
    assert!(session.check(&Transcript::new(&two.0), &[]).received.fr.contains("Autre boîte demandée : a@b"));
}

#[test]
fn a_token_in_an_address_or_a_command_is_told() {
    let kept = |story: Story| story.judged(SessionMust::KeepToken, 0);
    assert_eq!(kept(Story::default().login(HANDED, "")).0, Outcome::Passed);
    let note =
        "token refused error=invalid_request (A token, code or secret never travels in an address: …) sid=s";
    assert!(kept(Story::default().psc(note)).1.contains("dans l’adresse"));
    let line = "a SEARCH HEADER Message-ID <eyJhbGciOiJSUzI1NiJ9.eyJleHAiOjE3@x>";
    assert!(kept(Story::default().tell(Service::Imap, vec![said(line)])).1.contains("commande"));
    assert_eq!(kept(Story::default()).0, Outcome::Inconclusive);
}
