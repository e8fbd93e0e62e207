//! The pages say the same facts as the API, in both languages, and nothing that a client controls can act in them.

use serde_json::json;
use testkit::{bad, client};

use crate::{lab_with_product, with_token};

#[test]
fn the_dashboard_and_a_run_are_shown_in_both_languages() {
    let (lab, product) = lab_with_product();
    lab.json(&["run", "psc-nil", "--nil", &product.nil, "--adapter", &bad("missing_nil.py")]).ended(1);
    for (language, words) in [
        (
            "fr",
            ["Tableau de bord", "Lancer le job", "Échoué", "MIE PSC : Indicateurs SMTP NIL (MSS-CONF.16)"],
        ),
        ("en", ["Dashboard", "Run job", "Failed", "MIE PSC: SMTP indicators, NIL (MSS-CONF.16)"]),
    ] {
        let page = lab.page("/", language);
        assert_eq!(page.status, 200);
        assert!(page.body.contains(&format!("<html lang=\"{language}\">")));
        for word in words.iter().chain([&product.per.as_str(), &product.app.as_str()]) {
            assert!(page.body.contains(word), "{language}: {word} is missing");
        }
    }
    let page = lab.page("/runs/1", "fr");
    for word in [
        "Exécution n°",
        "Attendu",
        "Constaté",
        "Que faire",
        "En-tête absent",
        "TEST_KO",
        "Télécharger la preuve",
    ] {
        assert!(page.body.contains(word), "{word} is missing");
    }
    assert!(lab.page("/runs/1", "en").body.contains("What to do"));
    assert_eq!(lab.page("/runs/999", "fr").status, 404);
    let raw = lab.page("/runs/1/log.txt", "fr");
    assert!(
        raw.body.contains("Début du script de test PSC") && raw.body.contains("['TEST_KO']"),
        "{}",
        raw.body
    );
}

#[test]
fn what_a_client_writes_is_text_in_the_pages() {
    const EVIL: &str = "<script>alert(1)</script>";
    let (lab, product) = lab_with_product();
    lab.json(&["account", "add", "--nil", "66", "--name", EVIL, "--psc-id", "66", "--app-id", "67"]).ended(0);
    let running = lab.spawn(&["run", "psc-nil", "--nil", &product.nil, "--timer", "20"]);
    lab.wait_for("/api/v1/runs/1", |run| run["phase"]["state"] == "waiting");
    std::thread::sleep(std::time::Duration::from_millis(200));
    let mut with = with_token(&lab, &product);
    with["to"] = json!(product.per);
    with["headers"] = json!([format!("Subject: {EVIL}"), format!("X-MSS-NIL: {EVIL}")]);
    assert_eq!(client(&lab.ask("smtp_send", "smtp", &with))["ok"], json!(true));
    running.join().unwrap().ended(1);
    for path in ["/", "/runs/1"] {
        let page = lab.page(path, "fr");
        assert!(!page.body.contains(EVIL), "{path} holds the script");
        assert!(page.body.contains("alert(1)"), "{path} shows the text");
        assert!(
            page.header("content-security-policy")
                .is_some_and(|policy| policy.contains("default-src 'self'"))
        );
    }
}

#[test]
fn the_live_log_streams_lines_then_says_that_it_is_over() {
    let (lab, product) = lab_with_product();
    let slow = testkit::own("slow.py", &["1", &testkit::adapter_path("adapter.py")]);
    let running = lab.spawn(&["run", "psc-auth-imap", "--nil", &product.nil, "--adapter", &slow]);
    lab.wait_for("/api/v1/runs/1", |run| run["phase"]["state"] == "running");
    let events = lab.events("/runs/1/events", "event: done");
    assert!(events.contains("event: line") && events.contains("Session : "), "{events}");
    running.join().unwrap().ended(0);
}

#[test]
fn forms_of_other_sites_are_refused() {
    let (lab, product) = lab_with_product();
    let form = format!("nil={}&job=psc-auth-imap&timer=5", product.nil);
    let (host, kind) = (lab.authority(), "application/x-www-form-urlencoded");
    let foreign = lab.http(
        "POST",
        "/runs",
        &[("Host", &host), ("Origin", "https://evil.test"), ("Content-Type", kind)],
        form.as_bytes(),
    );
    assert_eq!(foreign.status, 403);
    let origin = format!("http://{host}");
    let own = lab.http(
        "POST",
        "/runs",
        &[("Host", &host), ("Origin", &origin), ("Content-Type", kind)],
        form.as_bytes(),
    );
    assert_eq!((own.status, own.header("location")), (303, Some("/runs/1")));
    assert_eq!(lab.api("GET", "/api/v1/runs/2", &json!(null)).status, 404, "only one run was started");
}
