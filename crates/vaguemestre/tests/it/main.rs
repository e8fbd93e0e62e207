//! The whole program, from outside: what its contracts promise, what its verdicts say of good and bad clients, and
//! what is left when it is killed. One module a subject; every server is a real process (see `testkit`).
#![allow(clippy::unwrap_used, clippy::print_stdout)] // helpers of tests, too, fail by panicking, and print their tables

mod accounts;
mod adapters;
mod api;
mod care;
mod check;
mod check_web;
mod contracts;
mod durability;
mod edges;
mod errors;
mod faulty;
mod jobs;
mod lps;
mod mailboxes;
mod names;
mod pages;
mod person;
mod proof;
mod protocol;
mod psc;
mod queue;
mod runs_pages;
mod secrets;
mod user_domains;

use serde_json::{Value, json};
use testkit::{Lab, Product};

/// The program under test.
const PROGRAM: &str = env!("CARGO_BIN_EXE_vaguemestre");

fn lab() -> Lab {
    Lab::start(PROGRAM)
}

/// A lab with its first product, the one of the documentation.
fn lab_with_product() -> (Lab, Product) {
    let lab = lab();
    let product = lab.product("2621", "899700000018", "163254178");
    (lab, product)
}

/// The only run of a campaign.
#[track_caller]
fn only_run(campaign: &Value) -> Value {
    let runs = campaign["runs"].as_array().expect("a campaign has runs");
    assert_eq!(runs.len(), 1, "{campaign:#}");
    runs[0].clone()
}

/// What a mail client with a PSC token asks of a server.
fn with_token(lab: &Lab, product: &Product) -> Value {
    json!({"user": product.per, "token": lab.token(&product.identity)})
}

/// One value of a check in English, for every check that did not pass.
fn not_passed(run: &Value) -> Vec<&Value> {
    let checks = run["checks"].as_array().expect("a run has checks");
    checks.iter().filter(|check| check["outcome"] != "passed").collect()
}
