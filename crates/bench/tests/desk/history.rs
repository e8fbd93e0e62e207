//! The history, its activity, what to run again, two runs side by side.

use std::time::{Duration, Instant};

use bench::desk::{Activity, Filter, Rerun};
use bench::judge::Verdict;
use bench::{Code, Request};
use kernel::Clock;

use crate::client::Session;
use crate::lab::{Lab, Row};

async fn found(lab: &Lab, filter: Filter) -> Vec<i64> {
    let page = lab.bench.history(&filter, 1, 500).await.unwrap();
    assert_eq!(page.total, page.runs.len() as u64);
    page.runs.iter().map(|run| run.number).collect()
}

fn text(words: &str) -> Filter {
    Filter { text: words.into(), ..Filter::default() }
}

#[tokio::test]
async fn every_filter_narrows_the_history() {
    let lab = Lab::new().await;
    let hour = 3_600 * 1_000_000;
    let now = Clock::system().now();
    let row = Row::new;
    lab.insert_runs(vec![
        Row { created_us: now.as_microsecond() - 30 * hour, ..row(1, "psc-nil", Some("passed")) },
        Row { campaign: 2, ..row(2, "psc-nil", Some("failed")) },
        Row { campaign: 2, ..row(3, "cert-auth-imap", Some("failed")) },
        Row { nil: "3015", ..row(4, "psc-auth-imap", Some("inconclusive")) },
        Row { nil: "3015", ..row(5, "psc-auth-smtp", None) },
        row(31, "gone-job", Some("passed")),
    ])
    .await;
    lab.execute("INSERT INTO evidence (run, body) VALUES (2, x'7b7d')").await;

    assert_eq!(found(&lab, Filter::default()).await, [31, 5, 4, 3, 2, 1]);
    assert_eq!(found(&lab, Filter { nil: Some("3015".into()), ..Filter::default() }).await, [5, 4]);
    assert_eq!(found(&lab, Filter { job: Some("gone-job".into()), ..Filter::default() }).await, [31]);
    assert_eq!(found(&lab, Filter { campaign: Some(2), ..Filter::default() }).await, [3, 2]);
    assert_eq!(found(&lab, Filter { verdict: Some(Verdict::Failed), ..Filter::default() }).await, [3, 2]);
    assert_eq!(found(&lab, Filter { unfinished: true, ..Filter::default() }).await, [5]);
    let neither = Filter { unfinished: true, verdict: Some(Verdict::Failed), ..Filter::default() };
    assert!(found(&lab, neither).await.is_empty());
    assert_eq!(found(&lab, Filter { proven: true, ..Filter::default() }).await, [2]);
    let since = now.checked_sub(Duration::from_secs(24 * 3_600)).unwrap();
    assert_eq!(found(&lab, Filter { since: Some(since), ..Filter::default() }).await, [31, 5, 4, 3, 2]);
    let about = Filter { requirement: Some("SC.MSS/CONF.16".into()), ..Filter::default() };
    assert_eq!(found(&lab, about).await, [2, 1]);
    let nobody = Filter { requirement: Some("SC.MSS/CONF.99".into()), ..Filter::default() };
    assert!(found(&lab, nobody).await.is_empty());
    let group = lab.bench.catalogue().find("psc-nil").unwrap().path.last().unwrap().clone();
    assert_eq!(found(&lab, Filter { group: Some(group), ..Filter::default() }).await, [2, 1]);

    for number in ["31", "#31", "n° 31", " N°31 "] {
        assert_eq!(found(&lab, text(number)).await, [31], "{number}");
    }
    assert!(found(&lab, text("32")).await.is_empty());
    assert_eq!(found(&lab, text("psc-nil")).await, [2, 1]);
    assert_eq!(found(&lab, text("AUTHENTIFICATION imap")).await, [4, 3]);
    assert_eq!(found(&lab, text("indicateurs nil conf.16")).await, [2, 1]);
    for nothing in ["élan vital", "' OR 1=1 --", "%", &"mot ".repeat(10_000)] {
        assert!(found(&lab, text(nothing)).await.is_empty());
    }
    let both = Filter { verdict: Some(Verdict::Failed), campaign: Some(2), ..text("nil") };
    assert_eq!(found(&lab, both).await, [2]);

    let pages: Vec<Vec<i64>> = [
        lab.bench.history(&Filter::default(), 1, 4).await.unwrap(),
        lab.bench.history(&Filter::default(), 2, 4).await.unwrap(),
        lab.bench.history(&Filter::default(), 0, 0).await.unwrap(),
        lab.bench.history(&Filter::default(), u32::MAX, u32::MAX).await.unwrap(),
    ]
    .iter()
    .map(|page| {
        assert_eq!(page.total, 6);
        page.runs.iter().map(|run| run.number).collect()
    })
    .collect();
    assert_eq!(pages, [vec![31, 5, 4, 3], vec![2, 1], vec![31], vec![]]);

    let said = |nil: &str, runs, failed, by: &[&str]| Activity {
        nil: nil.into(),
        runs,
        failed,
        by: by.iter().map(|nil| (*nil).to_owned()).collect(),
    };
    assert_eq!(
        lab.bench.activity(since).await.unwrap(),
        [said("", 5, 2, &["2621", "3015"]), said("2621", 3, 2, &["2621"]), said("3015", 2, 0, &["3015"])]
    );
    assert_eq!(lab.bench.activity(now + Duration::from_secs(60)).await.unwrap(), [said("", 0, 0, &[])]);
}

#[tokio::test]
async fn what_is_left_of_a_campaign_is_run_again_in_its_order() {
    let lab = Lab::new().await;
    lab.execute(
        "INSERT INTO campaign (number, nil, seed, accelerated, left_out, created_us) VALUES (1, '2621', 1, 0, '[]', 0)",
    )
    .await;
    let row = Row::new;
    lab.insert_runs(vec![
        row(1, "psc-nil", Some("failed")),
        row(2, "cert-auth-imap", Some("passed")),
        row(3, "psc-auth-imap", Some("not_started")),
        row(4, "gone-job", Some("failed")),
        row(5, "psc-auth-smtp", None),
        row(6, "cert-auth-smtp", Some("unsupported")),
        row(7, "psc-nil", Some("failed")),
    ])
    .await;
    let again = async |which| lab.bench.jobs_to_rerun(1, which).await.unwrap();
    assert_eq!(again(Rerun::Failed).await, ["psc-nil"]);
    assert_eq!(again(Rerun::Remaining).await, ["psc-auth-imap", "cert-auth-smtp"]);
    assert_eq!(again(Rerun::All).await, ["psc-nil", "cert-auth-imap", "psc-auth-imap", "cert-auth-smtp"]);
    let error = lab.bench.jobs_to_rerun(2, Rerun::All).await.unwrap_err();
    assert_eq!((error.code, error.field.as_deref()), (Code::BadInput, Some("campaign")));
}

#[tokio::test]
async fn two_runs_differ_in_what_the_client_did_and_not_in_their_times() {
    let lab = Lab::new().await;
    lab.product("2621", "899700000018", "163254178").await;
    let token = lab.bench.tokens("899700000018", false).await.unwrap();
    let mut numbers = Vec::new();
    for headers in ["X-MSS-NIL: 2621\r\n", "X-MSS-NIL: 2621\r\n", "X-MSS-NIL: 9999\r\n"] {
        let request = Request {
            nil: "2621".into(),
            what: "psc-nil".into(),
            adapter: None,
            timer: Some(Duration::from_secs(30)),
            accelerated: false,
            canned: false,
            seed: None,
        };
        let (campaign, runs) = lab.bench.start(request).await.unwrap();
        let mut changes = lab.bench.changes();
        while lab.bench.window_head(runs[0]).is_none() {
            changes.changed().await.unwrap();
        }
        let mut session =
            Session::open(&lab, "899700000018", token.response.access_token.reveal()).await.unwrap();
        session.send("899700000018", headers).await;
        session.quit().await;
        lab.bench.finished(campaign).await.unwrap();
        numbers.push(runs[0]);
    }
    let same = lab.bench.compare(numbers[0], numbers[1]).await.unwrap();
    assert_eq!((same.left.verdict, same.right.verdict), (Some(Verdict::Passed), Some(Verdict::Passed)));
    assert!(!same.checks.is_empty() && same.checks.iter().all(|check| !check.differs), "{same:#?}");
    assert_eq!((same.only_left.len(), same.only_right.len()), (0, 0), "{same:#?}");

    let other = lab.bench.compare(numbers[0], numbers[2]).await.unwrap();
    assert_eq!((other.left.verdict, other.right.verdict), (Some(Verdict::Passed), Some(Verdict::Failed)));
    assert!(other.checks.iter().any(|check| check.differs), "{other:#?}");
    assert!(other.only_right.iter().any(|line| line.contains("KO SC.MSS/CONF.16")), "{other:#?}");
    let error = lab.bench.compare(numbers[0], 4_000).await.unwrap_err();
    assert_eq!((error.code, error.field.as_deref()), (Code::BadInput, Some("run")));
}

/// Prints what the pages cost with ten thousand runs; nothing is asserted of the times.
#[tokio::test]
async fn ten_thousand_runs() {
    let lab = Lab::new().await;
    let jobs: Vec<&'static str> = lab.bench.catalogue().iter().map(|job| &*job.id.clone().leak()).collect();
    let verdicts = [Some("passed"), Some("passed"), Some("failed"), Some("inconclusive"), Some("aborted")];
    let nils = ["2621", "3015", "3044", "4001"];
    let now = Clock::system().now();
    let rows = (1..=10_000_i64).map(|number| {
        let at = usize::try_from(number).unwrap();
        Row {
            campaign: number / 24,
            nil: nils[at % nils.len()],
            created_us: now.as_microsecond() - (10_000 - number) * 20 * 1_000_000,
            ..Row::new(number, jobs[at % jobs.len()], verdicts[at % verdicts.len()])
        }
    });
    lab.insert_runs(rows.collect()).await;
    lab.execute(
        "INSERT INTO evidence (run, body) SELECT number, zeroblob(20000) FROM run WHERE number % 4 = 0",
    )
    .await;
    let day = now.checked_sub(Duration::from_secs(24 * 3_600)).unwrap();
    let filters = [
        ("all", Filter::default()),
        ("product", Filter { nil: Some("2621".into()), ..Filter::default() }),
        ("job", Filter { job: Some("psc-nil".into()), ..Filter::default() }),
        ("failed", Filter { verdict: Some(Verdict::Failed), ..Filter::default() }),
        ("since a day", Filter { since: Some(day), ..Filter::default() }),
        ("proven", Filter { proven: true, ..Filter::default() }),
        ("words", text("authentification")),
        ("number", text("n° 5000")),
    ];
    for (name, filter) in filters {
        let page = lab.bench.history(&filter, 1, 50).await.unwrap();
        assert!(page.total > 0, "{name}");
        let start = Instant::now();
        for _ in 0..20 {
            lab.bench.history(&filter, 1, 50).await.unwrap();
        }
        println!("history, {name}: {} runs, {:?} each", page.total, start.elapsed() / 20);
    }
    let start = Instant::now();
    for _ in 0..20 {
        assert_eq!(lab.bench.activity(day).await.unwrap().len(), 5);
    }
    println!("activity of a day: {:?} each", start.elapsed() / 20);
}
