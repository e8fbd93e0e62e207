use std::time::Duration;

use super::*;

const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

fn start() -> (Sessions, Session, Timestamp) {
    let now = Timestamp::from_second(1_795_000_000).unwrap();
    let mut sessions = Sessions::new(Timing::real());
    let consent = Consent {
        identity: "899700000018".into(),
        client_id: "lps".into(),
        mode: AuthMode::Card,
        nonce: "n".into(),
        scope: "openid scope_all".into(),
    };
    let session = sessions.open(consent, None, now);
    (sessions, session, now)
}

fn binding() -> Binding {
    Binding { redirect_uri: "https://lps/cb".into(), challenge: pkce::challenge(VERIFIER) }
}

fn minutes(count: u64) -> Duration {
    Duration::from_secs(60 * count)
}

#[test]
fn a_code_serves_once_and_its_reuse_ends_the_session() {
    let (mut sessions, session, now) = start();
    let code = sessions.code(&session, binding(), now);
    let mut redeem =
        |client: &str, at| sessions.redeem(code.reveal(), client, "https://lps/cb", VERIFIER, at);
    assert!(redeem("thief", now).unwrap_err().1.contains("another client"));
    assert_eq!(redeem("lps", now).unwrap().sid, session.sid);
    assert!(redeem("lps", now).unwrap_err().1.contains("used already"));
    assert!(sessions.alive(&session.sid, now).is_none());
}

#[test]
fn a_code_is_tied_to_its_minute_its_address_and_its_verifier() {
    for (uri, verifier, wait, why) in [
        ("https://lps/cb", VERIFIER, 60, "expired"),
        ("https://lps/other", VERIFIER, 0, "redirect_uri"),
        ("https://lps/cb", "wrong", 59, "code_verifier"),
    ] {
        let (mut sessions, session, now) = start();
        let code = sessions.code(&session, binding(), now);
        let at = now + Duration::from_secs(wait);
        assert!(sessions.redeem(code.reveal(), "lps", uri, verifier, at).unwrap_err().1.contains(why));
        assert!(sessions.redeem(code.reveal(), "lps", "https://lps/cb", VERIFIER, at).is_err(), "spent");
    }
}

#[test]
fn refresh_tokens_rotate_until_idle_or_four_hours() {
    let (mut sessions, session, start) = start();
    let first = sessions.rotate(&session.sid, start).unwrap();
    assert_eq!(first.life, 1_800);
    let mut token = first.refresh_token;
    let mut now = start;
    for _ in 0..9 {
        now += minutes(25);
        let next = sessions.renew(token.reveal(), "lps", None, now).unwrap();
        assert_eq!(next.session.auth_time, start, "a refresh is no new identification");
        token = next.refresh_token;
    }
    // 225 minutes in: the refresh token can live 15 minutes more, not 30.
    assert_eq!(sessions.renew(token.reveal(), "lps", None, now).unwrap().life, 900);
    assert!(sessions.alive(&session.sid, start + minutes(239)).is_some());
    assert!(sessions.alive(&session.sid, start + minutes(240)).is_none());
}

#[test]
fn a_used_refresh_token_ends_its_session() {
    let (mut sessions, session, now) = start();
    let old = sessions.rotate(&session.sid, now).unwrap().refresh_token;
    let newest = sessions.renew(old.reveal(), "lps", None, now).unwrap().refresh_token;
    assert!(sessions.renew(old.reveal(), "thief", None, now).is_err());
    assert!(sessions.alive(&session.sid, now).is_some(), "another client cannot end it");
    let again = sessions.renew(old.reveal(), "lps", None, now).map(|_| ()).unwrap_err();
    assert!(again.1.contains("used already"), "{again:?}");
    assert!(sessions.renew(newest.reveal(), "lps", None, now).is_err());
    assert!(sessions.alive(&session.sid, now).is_none());
}

#[test]
fn a_scope_is_narrowed_and_never_widened() {
    let (mut sessions, session, now) = start();
    let token = sessions.rotate(&session.sid, now).unwrap().refresh_token;
    let wider = sessions.renew(token.reveal(), "lps", Some("openid email"), now).map(|_| ()).unwrap_err();
    assert_eq!(wider.0, ErrorCode::InvalidScope);
    assert!(sessions.renew(token.reveal(), "lps", Some("openid"), now).is_ok(), "not spent by the refusal");
}

#[test]
fn thirty_idle_minutes_end_it() {
    let (mut sessions, session, now) = start();
    let token = sessions.rotate(&session.sid, now).unwrap().refresh_token;
    let why = |refused: Result<Renewed, Refusal>| refused.map(|_| ()).unwrap_err().1;
    assert!(why(sessions.renew(token.reveal(), "thief", None, now)).contains("another client"));
    assert!(sessions.of_refresh(token.reveal(), now + minutes(29)).is_some());
    assert!(sessions.renew(token.reveal(), "lps", None, now + minutes(30)).is_err());
    assert!(why(sessions.renew("never seen", "lps", None, now)).contains("unknown"));
}

#[test]
fn a_login_lasts_four_hours_or_thirty_idle_minutes() {
    let (mut sessions, session, start) = start();
    let (cookie, key) = sessions.sign_in("899700000018", AuthMode::Mobile, start);
    assert!(sessions.login("another", start).is_none());
    assert!(sessions.login(cookie.reveal(), start + minutes(30)).is_none(), "idle");
    let later = start + minutes(20);
    let of_login = sessions.open(session.consent.clone(), Some(key), later);
    assert_eq!(of_login.auth_time, start, "as old as the login");
    let mut now = later;
    for _ in 0..8 {
        now += minutes(25);
        sessions.rotate(&of_login.sid, now).unwrap();
    }
    assert!(sessions.login(cookie.reveal(), now).is_some(), "refreshes keep it");
    assert!(sessions.login(cookie.reveal(), start + minutes(240)).is_none(), "four hours");
    let ended = sessions.log_out(&of_login.sid);
    assert_eq!((ended.len(), ended[0].sid.as_str()), (1, of_login.sid.as_str()));
    assert!(sessions.login(cookie.reveal(), now).is_none() && sessions.alive(&of_login.sid, now).is_none());
}

#[test]
fn a_subject_token_is_exchanged_once() {
    let (mut sessions, _, now) = start();
    assert!(sessions.spend("jti", now.as_second() + 120, now));
    assert!(!sessions.spend("jti", now.as_second() + 120, now + Duration::from_secs(119)));
}

#[test]
fn ended_sessions_leave_nothing_behind() {
    let (mut sessions, session, now) = start();
    for step in 0..200 {
        sessions.rotate(&session.sid, now + Duration::from_secs(step)).unwrap();
    }
    assert_eq!(sessions.refresh.len(), USED + 1, "bounded while it lives");
    sessions.code(&session, binding(), now);
    sessions.sign_in("899700000018", AuthMode::Card, now);
    sessions.open(session.consent.clone(), None, now + minutes(60));
    let left = (sessions.sessions.len(), sessions.refresh.len(), sessions.codes.len(), sessions.logins.len());
    assert_eq!(left, (1, 0, 0, 0));
}

#[test]
fn a_full_sandbox_forgets_the_oldest() {
    let (mut sessions, session, now) = start();
    for step in 0..(SESSIONS as u64) {
        sessions.open(session.consent.clone(), None, now + Duration::from_millis(step + 1));
    }
    assert!(sessions.sessions.len() <= SESSIONS && sessions.alive(&session.sid, now).is_none());
}

#[test]
fn a_uuid_is_one_of_version_four() {
    let id = uuid();
    assert!(id.len() == 36 && &id[14..15] == "4" && "89ab".contains(&id[19..20]), "{id}");
}
