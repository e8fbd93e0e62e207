//! The jobs about the directory (SC.MSS/CONF.20, SC.MSS/UX.41), with the example client of `adapters/python` and with
//! clients that break one thing.

use std::path::Path;
use std::time::Duration;

use bench::Request;
use bench::adapter::Adapter;
use bench::judge::Verdict;
use bench::proof::RunEvidence;

use crate::lab::Lab;

/// A bench with a product, and its anchors where adapters are told.
async fn lab() -> Lab {
    let lab = Lab::new().await;
    std::fs::write(lab.data.join("ca.pem"), lab.pki.ca_pem()).unwrap();
    lab.product("2621", "899700000018", "163254178").await;
    lab
}

async fn run(lab: &Lab, jobs: &str, program: &[&str]) -> Vec<RunEvidence> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../adapters/python");
    let argv = ["python3", "-B"].into_iter().chain(program.iter().copied()).map(str::to_owned).collect();
    let request = Request {
        nil: "2621".into(),
        what: jobs.into(),
        adapter: Some(Adapter { argv, dir: folder.canonicalize().unwrap() }),
        timer: Some(Duration::from_secs(15)),
        accelerated: true,
        canned: false,
        seed: Some(7),
    };
    let (campaign, runs) = lab.bench.start(request).await.unwrap();
    lab.bench.finished(campaign).await.unwrap();
    let mut evidence = Vec::new();
    for number in runs {
        let view = lab.bench.run(number).await.unwrap();
        let kept = view.evidence.unwrap_or_else(|| panic!("run {number}: {:?}", view.run));
        let again = kept.replay().unwrap();
        assert_eq!((again.verdict, &again.checks), (kept.verdict, &kept.checks), "replayed");
        evidence.push(kept);
    }
    evidence
}

fn directory_jobs(lab: &Lab, part: &str) -> String {
    let jobs = lab.bench.catalogue().iter().filter(|job| job.id.starts_with(part));
    let ids: Vec<&str> = jobs.map(|job| job.id.as_str()).collect();
    assert!(ids.len() > 1, "{ids:?}");
    ids.join(",")
}

/// The one failed check of a run against a bad client, in French.
fn failure(run: &RunEvidence, requirement: &str) -> String {
    assert_eq!(run.verdict, Verdict::Failed, "{:#?}", run.checks);
    let failed: Vec<_> = run.checks.iter().filter(|check| check.outcome == rules::Outcome::Failed).collect();
    assert!(failed.iter().all(|check| check.requirement == requirement), "{failed:#?}");
    assert!(failed.iter().all(|check| !check.next.is_empty()));
    failed[0].received.fr.clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_example_client_passes_every_job_about_the_directory() {
    let lab = lab().await;
    let jobs = directory_jobs(&lab, "psc-directory");
    let runs = run(&lab, &jobs, &["adapter.py"]).await;
    assert_eq!(runs.len(), 1 + 13 + 6);
    for run in &runs {
        assert_eq!(
            run.verdict,
            Verdict::Passed,
            "{}: {:#?} {:?}",
            run.scenario.id,
            run.checks,
            run.context.adapter
        );
        assert!(!run.context.wanted.is_empty());
    }
    // Nobody real: the people are invented, and the address wanted is nowhere in what the client was told.
    let asked: Vec<&str> =
        runs.iter().flat_map(|run| run.context.wanted.values()).map(|one| one.address.as_str()).collect();
    let unlike: std::collections::HashSet<&&str> = asked.iter().collect();
    assert_eq!(unlike.len(), asked.len(), "each step has an address of its own");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conf_20_an_address_that_the_directory_did_not_give_fails() {
    let lab = lab().await;
    for (mode, said) in [
        ("sends-without-searching", "sans recherche dans l’annuaire"),
        ("types-the-address", "n’a pas donné cette adresse"),
        ("one-criterion", "une autre entrée que celle demandée"),
    ] {
        let runs = run(&lab, "psc-directory", &["bad/bad.py", mode]).await;
        let received = failure(&runs[0], "SC.MSS/CONF.20");
        assert!(received.contains(said), "{mode}: {received}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conf_20_an_outage_taken_for_an_empty_result_fails() {
    let lab = lab().await;
    let jobs = "psc-directory-html,psc-directory-cut,psc-directory-busy,psc-directory-slow";
    for run in run(&lab, jobs, &["bad/bad.py", "outage-is-empty"]).await {
        let received = failure(&run, "SC.MSS/CONF.20");
        assert!(received.contains("absence de résultat"), "{}: {received}", run.scenario.id);
    }
    let jobs = "psc-directory-down,psc-directory-key-refused";
    for run in run(&lab, jobs, &["bad/bad.py", "invents-addresses"]).await {
        let received = failure(&run, "SC.MSS/CONF.20");
        assert!(received.contains("n’a pas donné cette adresse"), "{}: {received}", run.scenario.id);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ux_41_a_criterion_that_is_left_out_fails() {
    let lab = lab().await;
    let jobs = directory_jobs(&lab, "psc-directory-by-");
    let (several, single): (Vec<&str>, Vec<&str>) =
        jobs.split(',').partition(|id| id.contains("-specialty-") || id.contains("-name-"));
    assert_eq!((single.len(), several.len()), (11, 2));
    for run in run(&lab, &single.join(","), &["bad/bad.py", "ignores-criterion"]).await {
        let received = failure(&run, "SC.MSS/UX.41");
        assert!(received.contains("sans le critère"), "{}: {received}", run.scenario.id);
    }
    for run in run(&lab, &several.join(","), &["bad/bad.py", "one-criterion"]).await {
        let received = failure(&run, "SC.MSS/UX.41");
        assert!(received.contains("une autre entrée"), "{}: {received}", run.scenario.id);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_says_that_it_found_and_asked_nobody_proves_nothing() {
    let lab = lab().await;
    let liar = run(&lab, "psc-directory,psc-directory-by-city,psc-directory-html", &["bad/liar.py"]).await;
    for run in liar {
        assert_eq!(run.verdict, Verdict::Inconclusive, "{}: {:#?}", run.scenario.id, run.checks);
    }
}
