//! Without an adapter: the product's own mailbox and the window decide, and strangers are never judged.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::{Lab, client};

use crate::{lab_with_product, not_passed, only_run, with_token};

/// Waits until the window of the newest run is open.
fn window(lab: &Lab, run: i64) {
    lab.wait_for(&format!("/api/v1/runs/{run}"), |run| run["phase"]["state"] == "waiting");
    std::thread::sleep(Duration::from_millis(200));
}

#[test]
fn a_login_by_hand_is_judged() {
    let (lab, product) = lab_with_product();
    let running = lab.spawn(&["run", "psc-auth-imap", "--nil", &product.nil, "--timer", "20"]);
    window(&lab, 1);
    let told = client(&lab.ask("imap_login", "imap", &with_token(&lab, &product)));
    assert_eq!(told["ok"], json!(true), "{told}");
    let run = only_run(&running.join().unwrap().ended(0));
    assert_eq!(run["verdict"], "passed", "{run:#}");
}

#[test]
fn a_fault_by_hand_comes_on_the_fixed_port_after_the_control() {
    let (lab, product) = lab_with_product();
    for (run, trusts_all, verdict) in [(1, false, "passed"), (2, true, "failed")] {
        let order = ["run", "psc-imap-tls-expired", "--nil", &product.nil, "--timer", "30", "--accelerated"];
        let running = lab.spawn(&order);
        window(&lab, run);
        let mut with = with_token(&lab, &product);
        with["trusts_all"] = json!(trusts_all);
        let control = client(&lab.ask("imap_login", "imap", &with));
        assert_eq!(control["ok"], json!(true), "{control}");
        // The same port, a little later: the certificate has expired.
        for _ in 0..4 {
            std::thread::sleep(Duration::from_millis(500));
            let again = client(&lab.ask("imap_login", "imap", &with));
            if again["ok"] == json!(false) {
                assert!(again["text"].as_str().unwrap().contains("expired"), "{again}");
                break;
            }
        }
        let code = if trusts_all { 1 } else { 0 };
        let judged = only_run(&running.join().unwrap().ended(code));
        assert_eq!(judged["verdict"], verdict, "{judged:#}");
    }
    // The window is closed, and the server behaves again.
    let after = client(&lab.ask("imap_login", "imap", &with_token(&lab, &product)));
    assert_eq!(after["ok"], json!(true), "{after}");
}

#[test]
fn a_mail_by_hand_to_any_mailbox_of_the_bench_is_judged_by_its_header() {
    let (lab, product) = lab_with_product();
    for (header, verdict, code) in [("X-MSS-NIL: 2621", "passed", 0), ("X-MSS-NIL: 9999", "failed", 1)] {
        let running = lab.spawn(&["run", "psc-nil", "--nil", &product.nil, "--timer", "20"]);
        window(&lab, if code == 0 { 1 } else { 2 });
        let mut with = with_token(&lab, &product);
        with["to"] = json!(product.app);
        with["headers"] = json!([header]);
        assert_eq!(client(&lab.ask("smtp_send", "smtp", &with))["ok"], json!(true));
        let run = only_run(&running.join().unwrap().ended(code));
        assert_eq!(run["verdict"], verdict, "{run:#}");
    }
}

#[test]
fn strangers_are_counted_and_never_judged() {
    let (lab, product) = lab_with_product();
    let other = lab.product("2626", "899700000026", "163254186");
    let running = lab.spawn(&["run", "psc-auth-imap", "--nil", &product.nil, "--timer", "20"]);
    window(&lab, 1);
    // Another product's login that fails, and a connection that says nothing.
    let wrong = json!({"user": other.per, "token": "nonsense"});
    assert_eq!(client(&lab.ask("imap_login", "imap", &wrong))["ok"], json!(false));
    client(&lab.ask("clear", "imap", &json!({"lines": ["a NOOP", "b LOGOUT"]})));
    assert_eq!(client(&lab.ask("imap_login", "imap", &with_token(&lab, &product)))["ok"], json!(true));
    let run = only_run(&running.join().unwrap().ended(0));
    assert_eq!((&run["verdict"], &run["strangers"]), (&json!("passed"), &json!(2)), "{run:#}");
}

#[test]
fn strangers_do_not_help_an_adapter_that_did_nothing() {
    let (lab, product) = lab_with_product();
    let liar = testkit::own("slow.py", &["1.5", &testkit::adapter_path("bad/liar.py")]);
    let running = lab.spawn(&["run", "psc-auth-imap", "--nil", &product.nil, "--adapter", &liar]);
    lab.wait_for("/api/v1/runs/1", |run| run["phase"]["state"] == "running");
    // A good login on the very mailbox, on the fixed port, with a token that is not the run's.
    assert_eq!(client(&lab.ask("imap_login", "imap", &with_token(&lab, &product)))["ok"], json!(true));
    let run = only_run(&running.join().unwrap().ended(1));
    assert_eq!((&run["verdict"], &run["strangers"]), (&json!("inconclusive"), &json!(1)), "{run:#}");
}

#[test]
fn nobody_comes_is_inconclusive() {
    let (lab, product) = lab_with_product();
    let run = only_run(&lab.json(&["run", "psc-auth-smtp", "--nil", &product.nil, "--timer", "1"]).ended(1));
    assert_eq!(run["verdict"], "inconclusive");
    let next: Vec<&Value> = not_passed(&run).into_iter().map(|check| &check["en"]["next"]).collect();
    assert!(next.iter().all(|next| next.as_str().is_some_and(|text| !text.is_empty())), "{run:#}");
}
