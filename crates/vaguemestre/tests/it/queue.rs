//! One run at a time per mailbox; the next one is queued and told behind which.

use serde_json::json;
use testkit::{adapter_path, own};

use crate::lab_with_product;

#[test]
fn a_second_run_on_a_mailbox_waits_and_says_behind_which() {
    let (lab, product) = lab_with_product();
    let slow = own("slow.py", &["1.5", &adapter_path("adapter.py")]);
    let order = |what: &str| {
        let argv: Vec<String> =
            slow.split('\'').map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect();
        json!({"nil": product.nil, "what": what, "adapter": {"argv": argv, "dir": "/"}})
    };
    let start = |what: &str| lab.api("POST", "/api/v1/campaigns", &order(what)).json();
    let (first, second, other) = (start("psc-auth-imap"), start("psc-auth-imap"), start("cert-auth-imap"));
    let run = |campaign: &serde_json::Value| format!("/api/v1/runs/{}", campaign["runs"][0]);

    let waiting = lab.wait_for(&run(&second), |run| run["phase"]["state"] == "queued");
    assert_eq!(waiting["phase"]["behind"], first["runs"][0], "{waiting:#}");
    assert_eq!(waiting["verdict"], json!(null));
    // The other mailbox of the product is not in the way.
    lab.wait_for(&run(&other), |run| run["phase"]["state"] == "running");
    assert_eq!(lab.api("GET", &run(&first), &json!(null)).json()["phase"]["state"], "running");

    for campaign in [&first, &second, &other] {
        let ended = lab.wait_for(&run(campaign), |run| run["phase"]["state"] == "finished");
        assert_eq!(ended["verdict"], "passed", "{ended:#}");
    }
}
