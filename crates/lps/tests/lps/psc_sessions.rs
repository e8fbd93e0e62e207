//! Sessions live and die as the rules say: renewed once at a time, prolonged by their person alone, locked after two
//! hours (SC.SSI/IE.58), over when PSC says so (SC.MSS/CONF.10), closed by the person (SC.SSI/IE.38).

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kernel::{Clock, ManualClock, RetryClass};
use lps::psc::{RelyingParty, Session, Sessions, State};
use serde_json::json;

use crate::provider::{Answer, Provider};

const MINUTE: Duration = Duration::from_secs(60);

async fn session(lie: impl Fn(&mut Answer) + Send + Sync + 'static) -> (Provider, Session, ManualClock) {
    let (clock, hands) = Clock::manual(Clock::system().now());
    let provider = Provider::at(clock, lie).await;
    let session = provider.log_in(&provider.party()).await.unwrap();
    (provider, session, hands)
}

fn refreshes(provider: &Provider) -> usize {
    provider.asked("/token").iter().filter(|asked| asked.body.contains("grant_type=refresh_token")).count()
}

/// Waits for what happens in the background.
async fn until(condition: impl Fn() -> bool) {
    for _ in 0..500 {
        if condition() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it never happened");
}

#[tokio::test]
async fn refreshtoken_test() {
    let (provider, session, hands) = session(|_| {}).await;
    let first = session.access_token().await.unwrap();
    hands.advance(Duration::from_secs(80));
    assert_eq!(session.access_token().await.unwrap(), first, "good for another while");
    hands.advance(Duration::from_secs(15));
    let second = session.access_token().await.unwrap();
    assert_ne!(first, second);
    hands.advance(Duration::from_secs(100));
    session.access_token().await.unwrap();
    let used: Vec<String> = provider
        .asked("/token")
        .into_iter()
        .filter_map(|asked| Some(asked.body.split_once("&refresh_token=")?.1.to_owned()))
        .collect();
    assert!(used.len() == 2 && used[0] != used[1], "each refresh uses the newest token");
}

#[tokio::test]
async fn a_refreshed_id_token_is_verified_and_about_the_same_person() {
    for name in ["sub", "iss", "aud"] {
        let (_, session, hands) = session(move |answer| {
            if answer.form.get("grant_type") == Some("refresh_token") {
                answer.claims.insert(name.into(), json!("f:u:899700000026"));
            }
        })
        .await;
        hands.advance(2 * MINUTE);
        let failure = session.access_token().await.unwrap_err();
        assert_eq!((failure.retry, session.state()), (RetryClass::Never, State::Over), "{name}");
    }
}

#[tokio::test]
async fn a_thousand_calls_share_one_renewal() {
    let (provider, session, hands) = session(|_| {}).await;
    hands.advance(2 * MINUTE);
    let calls: Vec<_> = (0..1_000)
        .map(|_| {
            let session = session.clone();
            tokio::spawn(async move { session.access_token().await.unwrap().fingerprint() })
        })
        .collect();
    let mut tokens = Vec::new();
    for call in calls {
        tokens.push(call.await.unwrap());
    }
    tokens.dedup();
    assert_eq!((tokens.len(), refreshes(&provider)), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_sessions_are_prolonged() {
    let (clock, hands) = Clock::manual(Clock::system().now());
    let provider = Provider::at(clock, |_| {}).await;
    let party = provider.party();
    let sessions = Arc::new(Sessions::new(1_000));
    let mut handles = Vec::new();
    for chunk in 0..125 {
        let batch = (0..8).map(|_| provider.log_in(&party));
        for session in futures_util::future::join_all(batch).await {
            handles.push(sessions.insert(session.unwrap()).unwrap());
        }
        assert_eq!(handles.len(), (chunk + 1) * 8);
    }
    assert_eq!(sessions.len(), 1_000);
    assert!(sessions.insert(provider.log_in(&party).await.unwrap()).is_err(), "no room for one more");
    for round in 1..=2 {
        hands.advance(20 * MINUTE);
        for handle in &handles {
            assert_eq!(sessions.get(handle).unwrap().touch(), State::Active);
        }
        until(|| refreshes(&provider) == round * 1_000).await;
        until_renewed(&sessions, &handles).await;
    }
    hands.advance(20 * MINUTE);
    assert_eq!(sessions.sweep(), 0);
    hands.advance(100 * MINUTE);
    assert_eq!((sessions.sweep(), sessions.len()), (1_000, 1_000), "all are locked");
    hands.advance(80 * MINUTE);
    assert_eq!((sessions.sweep(), sessions.len()), (1_000, 0), "all are over");
    assert!(provider.connections() < 1_200, "connections are kept open: {}", provider.connections());
}

/// Every renewal has landed: each session has a token of its own again, without asking for one.
async fn until_renewed(sessions: &Sessions, handles: &[String]) {
    let tokens = handles.iter().map(|handle| {
        let session = sessions.get(handle).unwrap();
        async move { session.access_token().await.unwrap().fingerprint() }
    });
    let mut tokens = futures_util::future::join_all(tokens).await;
    tokens.sort();
    tokens.dedup();
    assert_eq!(tokens.len(), handles.len());
}

#[tokio::test]
async fn only_a_person_prolongs_a_session() {
    let (provider, session, hands) = session(|_| {}).await;
    // Mail is fetched every five minutes, and nobody is there.
    for _ in 0..5 {
        hands.advance(5 * MINUTE);
        session.access_token().await.unwrap();
    }
    hands.advance(5 * MINUTE);
    let failure = session.access_token().await.unwrap_err();
    assert_eq!((failure.retry, session.state()), (RetryClass::Later, State::Idle));
    assert_eq!(refreshes(&provider), 5);
    // She is back.
    assert_eq!(session.touch(), State::Active);
    session.access_token().await.unwrap();
    until(|| refreshes(&provider) == 6).await;
    hands.advance(16 * MINUTE);
    session.touch();
    until(|| refreshes(&provider) == 7).await;
    session.touch();
    hands.advance(Duration::from_secs(1));
    session.touch();
    assert_eq!(refreshes(&provider), 7, "a renewal is not due at each click");
}

#[tokio::test]
async fn ie_58_two_hours_without_activity_lock_the_session() {
    let (provider, session, hands) = session(|_| {}).await;
    let mut changes = session.changes();
    for _ in 0..2 {
        hands.advance(119 * MINUTE);
        assert_eq!(session.state(), State::Idle);
        if session.touch() == State::Over {
            break;
        }
    }
    // Four hours are the end in any case; here the lock comes first.
    let (_, other, later) = self::session(|_| {}).await;
    later.advance(119 * MINUTE + Duration::from_secs(59));
    assert_eq!(other.state(), State::Idle);
    later.advance(Duration::from_secs(1));
    assert_eq!((other.state(), other.touch()), (State::Locked, State::Locked), "activity does not unlock");
    let failure = other.access_token().await.unwrap_err();
    assert!(failure.retry == RetryClass::Never && failure.message.contains("log in again"), "{failure}");
    assert_eq!(refreshes(&provider), 1, "the first touch renewed");
    assert_eq!(*changes.borrow_and_update(), State::Active);
    hands.advance(2 * MINUTE + Duration::from_secs(1));
    assert_eq!(
        (session.state(), *changes.borrow_and_update()),
        (State::Over, State::Over),
        "four hours are over"
    );
}

#[tokio::test]
async fn a_person_locks_her_session() {
    let (_, session, _) = session(|_| {}).await;
    session.lock();
    assert_eq!(session.state(), State::Locked);
    assert_eq!(session.access_token().await.unwrap_err().retry, RetryClass::Never);
}

#[tokio::test]
async fn conf_10_the_end_of_the_psc_session_is_final_and_told() {
    let (provider, session, hands) = session(|answer| {
        if answer.form.get("grant_type") == Some("refresh_token") {
            answer.instead = Some((400, r#"{"error":"invalid_grant"}"#.into()));
        }
    })
    .await;
    let mut changes = session.changes();
    hands.advance(2 * MINUTE);
    for _ in 0..3 {
        let failure = session.access_token().await.unwrap_err();
        assert_eq!(
            (failure.retry, failure.message.contains("log in again")),
            (RetryClass::Never, true),
            "{failure}"
        );
    }
    assert_eq!(*changes.wait_for(|state| *state == State::Over).await.unwrap(), State::Over);
    assert_eq!((refreshes(&provider), session.touch()), (1, State::Over));
}

#[tokio::test]
async fn trouble_at_psc_does_not_end_a_session() {
    let tries = AtomicUsize::new(0);
    let (provider, session, hands) = session(move |answer| {
        if answer.form.get("grant_type") == Some("refresh_token") && tries.fetch_add(1, Ordering::SeqCst) < 2
        {
            answer.instead = Some((503, String::new()));
        }
    })
    .await;
    hands.advance(2 * MINUTE);
    for _ in 0..2 {
        assert_eq!(session.access_token().await.unwrap_err().retry, RetryClass::Later);
    }
    session.access_token().await.unwrap();
    assert_eq!((refreshes(&provider), session.state()), (3, State::Active));
}

#[tokio::test]
async fn ie_38_logout_wipes_here_and_tells_psc() {
    let (clock, _) = Clock::manual(Clock::system().now());
    let provider = Provider::at(clock.clone(), |_| {}).await;
    let mut config = provider.config();
    config.post_logout_redirect_uri = Some("https://lps.example.test/bye".into());
    let party = RelyingParty::new(config, clock).unwrap();
    let session = provider.log_in(&party).await.unwrap();
    let logout = session.logout().await.unwrap();
    assert_eq!(session.state(), State::Over);
    assert_eq!(session.access_token().await.unwrap_err().retry, RetryClass::Never);
    let fields = logout.fields();
    let names: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["client_id", "id_token_hint", "post_logout_redirect_uri", "state"]);
    assert!(
        fields[1].1.starts_with("eyJ")
            && logout.action.ends_with("/logout")
            && !logout.action.contains("eyJ")
    );
    assert!(logout.url().reveal().contains("&id_token_hint=eyJ"));
    assert!(logout.is_answered_by(&format!("?state={}", logout.state)) && !logout.is_answered_by("state=x"));

    let session = provider.log_in(&party).await.unwrap();
    session.end().await.unwrap();
    let revoked = provider.asked("/revoke").remove(0);
    assert!(
        revoked.body.ends_with("&token_type_hint=refresh_token")
            && revoked.authorization.starts_with("Basic ")
    );
    assert!(provider.asked("/logout")[0].body.starts_with("id_token_hint=eyJ"));
}

#[tokio::test]
async fn a_renewal_that_lands_after_the_lock_brings_nothing_back() {
    let kept: Arc<Mutex<Option<Session>>> = Arc::default();
    let locking = Arc::clone(&kept);
    let (provider, session, hands) = session(move |_| {
        if let Some(session) = &*locking.lock().unwrap() {
            session.lock(); // while PSC is answering
        }
    })
    .await;
    *kept.lock().unwrap() = Some(session.clone());
    hands.advance(2 * MINUTE);
    for _ in 0..2 {
        assert_eq!(session.access_token().await.unwrap_err().retry, RetryClass::Never);
    }
    assert_eq!((refreshes(&provider), session.state()), (1, State::Locked));
}

#[tokio::test]
async fn sessions_end_by_their_name() {
    let (provider, first, _) = session(|_| {}).await;
    let sessions = Sessions::new(10);
    let handle = sessions.insert(first.clone()).unwrap();
    assert_eq!((sessions.end(""), sessions.end("other"), sessions.end("session-1")), (0, 0, 1));
    assert!(sessions.get(&handle).is_none() && first.state() == State::Over);
    let second = provider.log_in(&provider.party()).await.unwrap();
    let handle = sessions.insert(second).unwrap();
    assert!(sessions.remove(&handle).is_some() && sessions.is_empty());
}
