//! Adapters that misbehave: the verdict comes from the wire, whatever they say or do not say.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::{adapter_path, bad, own};

use crate::{lab_with_product, only_run};

#[test]
fn a_missing_adapter_is_told_before_anything_starts() {
    let (lab, product) = lab_with_product();
    for adapter in ["/nowhere/lps", "no-such-program", "python3 /nowhere/adapter.py", "''"] {
        let error =
            lab.json(&["run", "all", "--nil", &product.nil, "--adapter", adapter]).refused("adapter_missing");
        assert_eq!(error["field"], "adapter");
        assert!(error["next"].as_str().unwrap().contains("--adapter"), "{error}");
    }
    let error = lab.json(&["run", "all", "--nil", &product.nil, "--adapter", "'open"]).refused("bad_input");
    assert_eq!(error["field"], "adapter");
    assert_eq!(lab.api("GET", "/api/v1/campaigns/1", &Value::Null).status, 404, "no campaign was started");
}

#[test]
fn a_hanging_adapter_is_stopped_at_the_deadline_with_its_children() {
    let (lab, product) = lab_with_product();
    // Copied, so that its processes are known by their path among everybody's.
    for file in ["hang.py", "wire.py"] {
        fs::copy(adapter_path(&format!("bad/{file}")), lab.scratch().join(file)).unwrap();
    }
    let path = lab.scratch().join("hang.py").display().to_string();
    let command = format!("python3 '{path}'");
    let started = Instant::now();
    let running = lab.spawn(&["run", "psc-auth-imap", "--nil", &product.nil, "--adapter", &command]);
    while processes(&path) < 2 {
        assert!(started.elapsed() < Duration::from_secs(15), "the adapter and its child never came");
        std::thread::sleep(Duration::from_millis(50));
    }
    let run = only_run(&running.join().unwrap().ended(1));
    let took = started.elapsed();
    assert!((Duration::from_secs(15)..Duration::from_secs(25)).contains(&took), "{took:?}");
    assert_eq!(run["verdict"], "inconclusive", "{run:#}");
    assert_eq!(run["adapter"][0]["outcome"], "timeout", "{run:#}");
    assert_eq!(processes(&path), 0, "a process of the adapter is still there");
}

#[test]
fn cancelling_a_run_ends_its_adapter_and_its_children_at_once() {
    let (lab, product) = lab_with_product();
    for file in ["hang.py", "wire.py"] {
        fs::copy(adapter_path(&format!("bad/{file}")), lab.scratch().join(file)).unwrap();
    }
    let path = lab.scratch().join("hang.py").display().to_string();
    let command = format!("python3 '{path}'");
    let order = ["run", "psc-auth-imap", "--nil", &product.nil, "--adapter", &command, "--timer", "120"];
    let running = lab.spawn(&order);
    let started = Instant::now();
    while processes(&path) < 2 {
        assert!(started.elapsed() < Duration::from_secs(15), "the adapter and its child never came");
        std::thread::sleep(Duration::from_millis(50));
    }
    let cancelled = Instant::now();
    assert_eq!(lab.api("POST", "/api/v1/runs/1/cancel", &Value::Null).status, 202);
    let run = only_run(&running.join().unwrap().ended(1));
    assert_eq!(run["verdict"], "aborted", "{run:#}");
    assert!(cancelled.elapsed() < Duration::from_secs(15), "{:?}", cancelled.elapsed());
    assert_eq!(processes(&path), 0, "a process of the adapter is still there");
}

/// How many processes of this machine have `argument` on their command line.
fn processes(argument: &str) -> usize {
    let all = fs::read_dir("/proc").unwrap().flatten();
    all.filter(|entry| {
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        line.split(|byte| *byte == 0).any(|word| word == argument.as_bytes())
    })
    .count()
}

#[test]
fn rubbish_is_unreadable_and_inconclusive() {
    let (lab, product) = lab_with_product();
    let run = only_run(
        &lab.json(&["run", "psc-nil", "--nil", &product.nil, "--adapter", &bad("rubbish.py")]).ended(1),
    );
    assert_eq!(run["verdict"], "inconclusive", "{run:#}");
    assert_eq!(run["adapter"][0]["outcome"], "unreadable", "{run:#}");
}

#[test]
fn a_liar_is_inconclusive_on_every_job_and_never_passes() {
    let (lab, product) = lab_with_product();
    // And on one job of each kind of fault.
    let faulty = "psc-imap-tls-expired,cert-smtp-no-starttls,psc-imap-cut-literal,cert-smtp-greylist";
    let jobs = format!("{},{faulty}", crate::jobs::healthy_jobs(&lab));
    let order = ["run", &jobs, "--nil", &product.nil, "--adapter", &bad("liar.py"), "--accelerated"];
    let done = lab.json(&order).ended(1);
    let runs = done["runs"].as_array().unwrap();
    assert_eq!(done["summary"]["inconclusive"], json!(runs.len()), "{done:#}");
    for run in runs {
        assert_eq!(run["adapter"][0]["outcome"], "done", "its word is shown: {run:#}");
        let checks = run["checks"].as_array().unwrap();
        assert!(
            !checks.is_empty() && checks.iter().all(|check| check["outcome"] == "inconclusive"),
            "{run:#}"
        );
    }
}

#[test]
fn what_an_adapter_does_not_do_is_unsupported_and_counts_unless_allowed() {
    let (lab, product) = lab_with_product();
    let reader = own("reader.py", &[&adapter_path("adapter.py")]);
    let group = ["run", "MSS-LPS-SEGUR-APP", "--nil", &product.nil, "--adapter", &reader];
    let done = lab.json(&group).ended(1);
    assert_eq!(
        (&done["summary"]["passed"], &done["summary"]["unsupported"]),
        (&json!(1), &json!(1)),
        "{done:#}"
    );
    lab.json(&[group.as_slice(), &["--allow-unsupported"]].concat()).ended(0);
    // Nothing passed: nothing was proven, allowed or not.
    let one = ["run", "cert-auth-smtp", "--nil", &product.nil, "--adapter", &reader, "--allow-unsupported"];
    let run = only_run(&lab.json(&one).ended(1));
    assert_eq!(run["verdict"], "unsupported");
    assert_eq!(run["adapter"][0]["detail"], "this product only reads");
}

#[test]
fn the_secrets_that_an_adapter_prints_are_masked_everywhere() {
    let (lab, product) = lab_with_product();
    let kept = lab.scratch().join("requests");
    fs::create_dir(&kept).unwrap();
    let mut shown = String::new();
    for way in ["detail", "rubbish", "stderr"] {
        let command = own("leaky.py", &[way, &kept.display().to_string()]);
        let output = lab.json(&["run", "psc-auth-imap", "--nil", &product.nil, "--adapter", &command]);
        let number = only_run(&output.ended(1))["number"].to_string();
        let proof = lab.scratch().join(format!("{way}.proof"));
        lab.json(&["proof", &number, "--out", &proof.display().to_string()]).ended(0);
        shown += &output.stdout;
        shown += &output.stderr;
        shown += &fs::read_to_string(proof).unwrap();
        shown += &lab.page(&format!("/runs/{number}"), "fr").body;
        shown += &lab.cli(&["log", &number]).stdout;
    }
    shown += &lab.log();
    assert!(
        shown.matches("leaky marker").count() >= 8,
        "what it prints is shown, but for the secrets: {shown}"
    );
    assert!(shown.contains("[masqué]"), "{shown}");
    let mut searched = 0;
    for request in fs::read_dir(kept).unwrap().flatten() {
        let request: Value = serde_json::from_slice(&fs::read(request.path()).unwrap()).unwrap();
        let auth = &request["auth"];
        for secret in
            [&auth["access_token"], &auth["refresh"]["refresh_token"], &auth["refresh"]["client_secret"]]
        {
            let secret = secret.as_str().unwrap();
            // Neither whole nor in part: its end is the part that nobody can guess.
            let (head, end) = (&secret[..secret.len().min(20)], &secret[secret.len() - 12..]);
            assert!(secret.len() > 20);
            assert!(!shown.contains(end), "the end of a secret is shown: {}", around(&shown, end));
            if !head.starts_with("eyJ") {
                assert!(
                    !shown.contains(&head[..12]),
                    "a secret is shown in part: {}",
                    around(&shown, &head[..12])
                );
            }
            searched += 1;
        }
    }
    assert_eq!(searched, 9);
}

fn around(text: &str, part: &str) -> String {
    let at = text.find(part).unwrap_or_default();
    let from = text.floor_char_boundary(at.saturating_sub(120));
    text[from..text.ceil_char_boundary((at + 60).min(text.len()))].to_owned()
}
