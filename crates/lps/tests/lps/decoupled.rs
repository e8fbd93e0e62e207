//! The decoupled login: pace, refusals, giving up.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use kernel::Clock;
use lps::psc::{Breach, DecoupledRequest, Error, Poll, binding_message};
use oidc::AuthMode;
use serde_json::json;
use tokio::sync::watch;

use crate::provider::{Answer, DOCTOR, Provider};

fn asking(person: &str) -> DecoupledRequest {
    DecoupledRequest {
        login_hint: person.into(),
        binding_message: "42".into(),
        channel: Some(AuthMode::Mobile),
    }
}

/// Answers polls with these errors in turn, then with tokens.
fn answering(errors: &'static [(u16, &'static str)]) -> impl Fn(&mut Answer) + Send + Sync + 'static {
    let polls = AtomicUsize::new(0);
    move |answer| {
        if answer.endpoint == "token"
            && let Some((status, error)) = errors.get(polls.fetch_add(1, Ordering::SeqCst))
        {
            answer.instead = Some((*status, format!(r#"{{"error":"{error}"}}"#)));
        }
    }
}

#[tokio::test]
async fn a_person_accepts_after_a_while() {
    let provider =
        Provider::lying(answering(&[(400, "authorization_pending"), (400, "slow_down"), (503, "x")])).await;
    let mut question = provider.party().begin_decoupled(asking(DOCTOR)).await.unwrap();
    assert_eq!((question.binding_message(), question.interval()), ("42", Duration::from_secs(1)));
    assert!(
        matches!(question.poll().await.unwrap(), Poll::Pending(pause) if pause == Duration::from_secs(1))
    );
    assert!(
        matches!(question.poll().await.unwrap(), Poll::Pending(pause) if pause == Duration::from_secs(6))
    );
    assert!(question.poll().await.unwrap_err().is_retryable());
    let Poll::Accepted(session) = question.poll().await.unwrap() else { panic!("still pending") };
    assert_eq!(session.person().national_id, DOCTOR);
    let asked = provider.asked("/ciba").remove(0).body;
    let expected = format!(
        "scope=openid+scope_all&acr_values=eidas1&login_hint={DOCTOR}&binding_message=42&channel=MOBILE"
    );
    assert_eq!(asked, expected);
    let polled = provider.asked("/token");
    assert!(
        polled
            .iter()
            .all(|poll| poll.body == "grant_type=urn%3Aopenid%3Aparams%3Agrant-type%3Aciba&auth_req_id=r1")
    );
    assert!(!format!("{question:?}").contains("r1\""));
}

#[tokio::test]
async fn waiting_polls_at_the_pace_that_was_asked_for() {
    let provider = Provider::lying(answering(&[(400, "authorization_pending")])).await;
    let question = provider.party().begin_decoupled(asking(DOCTOR)).await.unwrap();
    let (_keep, cancelled) = watch::channel(false);
    let begun = std::time::Instant::now();
    question.wait(cancelled).await.unwrap();
    assert!(begun.elapsed() >= Duration::from_secs(2) && provider.asked("/token").len() == 2);
}

#[tokio::test]
async fn refusals_are_final() {
    for (error, outcome) in [
        ("access_denied", Error::Denied),
        ("expired_token", Error::Expired),
        ("invalid_grant", Error::LoginAgain),
        ("unauthorized_client", Error::Refused("unauthorized_client".into())),
    ] {
        let provider = Provider::lying(move |answer| {
            if answer.endpoint == "token" {
                answer.instead = Some((400, format!(r#"{{"error":"{error}"}}"#)));
            }
        })
        .await;
        let mut question = provider.party().begin_decoupled(asking(DOCTOR)).await.unwrap();
        assert_eq!(question.poll().await.unwrap_err(), outcome);
    }
    let provider = Provider::lying(|answer| {
        if answer.endpoint == "ciba" {
            answer.instead = Some((400, r#"{"error":"unknown_user_id"}"#.into()));
        }
    })
    .await;
    let outcome = provider.party().begin_decoupled(asking("8x")).await.unwrap_err();
    assert_eq!(outcome, Error::Refused("unknown_user_id".into()));
}

#[tokio::test]
async fn an_answer_by_somebody_else_is_refused() {
    let provider = Provider::honest().await;
    let mut question = provider.party().begin_decoupled(asking("899700000026")).await.unwrap();
    assert_eq!(question.poll().await.unwrap_err(), Error::Breach(Breach::Person));
}

#[tokio::test]
async fn an_unsigned_answer_is_refused_here_too() {
    let provider = Provider::lying(|answer| {
        answer.header.insert("alg".into(), json!("none"));
        answer.signer = None;
    })
    .await;
    let mut question = provider.party().begin_decoupled(asking(DOCTOR)).await.unwrap();
    assert_eq!(question.poll().await.unwrap_err(), Error::Breach(Breach::Algorithm));
}

#[tokio::test]
async fn a_question_ends_by_itself() {
    let (clock, hands) = Clock::manual(Clock::system().now());
    let provider = Provider::at(clock, |_| {}).await;
    let mut question = provider.party().begin_decoupled(asking(DOCTOR)).await.unwrap();
    hands.advance(Duration::from_secs(120));
    assert_eq!(question.poll().await.unwrap_err(), Error::Expired);
    assert!(provider.asked("/token").is_empty(), "nothing was asked any more");
}

#[tokio::test]
async fn a_login_that_is_given_up_leaves_no_session_behind() {
    let provider = Provider::lying(answering(&[(400, "authorization_pending")])).await;
    let question = provider.party().begin_decoupled(asking(DOCTOR)).await.unwrap();
    let (cancel, cancelled) = watch::channel(false);
    let waiting = tokio::spawn(question.wait(cancelled));
    cancel.send(true).unwrap();
    assert_eq!(waiting.await.unwrap().unwrap_err(), Error::Cancelled);
    assert!(provider.asked("/token").is_empty());

    // Given up while PSC is handing out tokens: they are given back.
    let sender = Arc::new(watch::channel(false).0);
    let cancel = Arc::clone(&sender);
    let provider = Provider::lying(move |answer| {
        if answer.endpoint == "token" {
            cancel.send_replace(true);
        }
    })
    .await;
    let question = provider.party().begin_decoupled(asking(DOCTOR)).await.unwrap();
    assert_eq!(question.wait(sender.subscribe()).await.unwrap_err(), Error::Cancelled);
    assert_eq!((provider.asked("/revoke").len(), provider.asked("/logout").len()), (1, 1));
}

#[test]
fn the_message_for_both_screens_is_two_digits() {
    let message = binding_message();
    assert!(message.len() == 2 && message.bytes().all(|b| b.is_ascii_digit()), "{message}");
}
