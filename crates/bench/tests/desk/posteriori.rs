//! *Juger un message déjà reçu*.

use bench::Code;
use bench::judge::Verdict;

use crate::client::Session;
use crate::lab::Lab;

#[tokio::test]
async fn a_message_sent_too_early_is_judged_and_nothing_is_written_down() {
    let lab = Lab::new().await;
    let bench = &lab.bench;
    lab.product("2621", "899700000018", "163254178").await;
    lab.product("3015", "899700000019", "163254179").await;
    assert!(bench.candidates("2621", "psc-nil").await.unwrap().is_empty());
    let token = bench.tokens("899700000018", false).await.unwrap();
    let mut session =
        Session::open(&lab, "899700000018", token.response.access_token.reveal()).await.unwrap();
    for headers in ["X-MSS-NIL: 9999\r\n", "X-MSS-NIL: 2621\r\n", ""] {
        session.send("899700000018", headers).await;
    }
    session.quit().await;

    let found = bench.candidates("2621", "psc-nil").await.unwrap();
    assert_eq!(found.len(), 3);
    assert!(found.is_sorted_by(|newer, older| newer.at >= older.at), "newest first");
    assert!(found.iter().all(|one| one.mailbox == "899700000018@mail-tests-editeur.lab" && one.size > 100));
    assert!(found.iter().all(|one| one.message_id.is_some() && one.to.len() == 1));
    for (candidate, verdict) in found.iter().zip([Verdict::Failed, Verdict::Passed, Verdict::Failed]) {
        let posterior = bench.judge_received("2621", "psc-nil", &candidate.queue_id).await.unwrap();
        assert_eq!(posterior.judgement.verdict, verdict, "{posterior:#?}");
        let told: Vec<_> = posterior.log.iter().filter(|line| line.text.starts_with("Message ")).collect();
        assert_eq!(told.len(), 1, "the other messages of the session are not told: {told:#?}");
        assert!(told[0].text.contains(&candidate.queue_id));
        assert!(posterior.log.last().unwrap().text.contains("TEST_"));
    }
    assert!(bench.newest_runs(10).await.unwrap().is_empty());

    assert!(bench.candidates("3015", "psc-nil").await.unwrap().is_empty(), "another product's");
    assert!(bench.candidates("2621", "cert-nil").await.unwrap().is_empty(), "the other mailbox's");
    assert!(bench.candidates("2621", "psc-auth-imap").await.unwrap().is_empty(), "not about a message");
    let id = found[0].queue_id.as_str();
    for (nil, job, id, code, field) in [
        ("2621", "psc-nil", "unheard-of", Code::BadInput, "queue_id"),
        ("3015", "psc-nil", id, Code::BadInput, "queue_id"),
        ("2621", "cert-nil", id, Code::BadInput, "queue_id"),
        ("2621", "psc-auth-imap", id, Code::BadInput, "job"),
        ("2621", "psc-plain", id, Code::BadInput, "job"),
        ("2621", "no-such-job", id, Code::UnknownJob, "job"),
        ("1", "psc-nil", id, Code::UnknownProduct, "nil"),
    ] {
        let error = bench.judge_received(nil, job, id).await.unwrap_err();
        assert_eq!((error.code, error.field.as_deref()), (code, Some(field)), "{nil} {job} {id}");
    }
    assert_eq!(bench.candidates("1", "psc-nil").await.unwrap_err().code, Code::UnknownProduct);
    assert_eq!(bench.candidates("2621", "x").await.unwrap_err().code, Code::UnknownJob);
}

#[tokio::test]
async fn after_ten_minutes_a_message_is_a_candidate_no_more() {
    let lab = Lab::new().await;
    lab.product("2621", "899700000018", "163254178").await;
    let token = lab.bench.tokens("899700000018", false).await.unwrap();
    let mut session =
        Session::open(&lab, "899700000018", token.response.access_token.reveal()).await.unwrap();
    session.send("899700000018", "X-MSS-NIL: 2621\r\n").await;
    session.quit().await;
    let id = lab.bench.candidates("2621", "psc-nil").await.unwrap()[0].queue_id.clone();
    lab.execute("UPDATE event SET at_us = at_us - 601000000").await;
    assert!(lab.bench.candidates("2621", "psc-nil").await.unwrap().is_empty());
    let error = lab.bench.judge_received("2621", "psc-nil", &id).await.unwrap_err();
    assert_eq!(error.field.as_deref(), Some("queue_id"));
}
