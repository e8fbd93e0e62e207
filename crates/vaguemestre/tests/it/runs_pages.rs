//! The pages of jobs, runs, campaigns and comparisons: what a person does with forms, what filters leave out, and what
//! is said to whoever asks for something that is not there.

use serde_json::{Value, json};
use testkit::{Lab, Product, adapter, bad, client};

use crate::{lab_with_product, with_token};

const EVIL: &str = "<script>alert(1)</script>";

/// Sends a form as the bench's own page does; the status and where it leads.
fn post(lab: &Lab, path: &str, form: &str) -> (u16, String) {
    let (host, kind) = (lab.authority(), "application/x-www-form-urlencoded");
    let origin = format!("http://{host}");
    let headers = [("Host", host.as_str()), ("Origin", &origin), ("Content-Type", kind)];
    let answer = lab.http("POST", path, &headers, form.as_bytes());
    let place = answer.header("location").map_or_else(|| answer.body.clone(), str::to_owned);
    (answer.status, place)
}

/// Waits until the window is open: the page counts down.
fn waiting(lab: &Lab, run: i64) {
    lab.wait_for(&format!("/api/v1/runs/{run}"), |run| run["phase"]["state"] == "waiting");
    let end = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while seconds_left(&lab.page(&format!("/runs/{run}"), "fr").body).is_none() {
        assert!(std::time::Instant::now() < end, "the window of run {run} does not open");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

fn seconds_left(page: &str) -> Option<i64> {
    let at = page.split("data-left=\"").nth(1).expect("the page counts down");
    at.split('"').next()?.parse().ok()
}

/// One run that passed, one that failed, one with a person who did nothing; each of another job.
fn history(lab: &Lab, product: &Product) {
    let nil = &product.nil;
    lab.json(&["run", "psc-auth-imap", "--nil", nil, "--adapter", &adapter("adapter.py")]).ended(0);
    lab.json(&["run", "psc-nil", "--nil", nil, "--adapter", &bad("missing_nil.py")]).ended(1);
    lab.json(&["run", "psc-auth-smtp", "--nil", nil, "--timer", "1"]).ended(1);
}

/// The numbers of the runs that a list shows.
fn listed(page: &str) -> Vec<i64> {
    let links = page.split("<a href=\"/runs/").skip(1).filter(|rest| rest.contains(">n° "));
    links.filter_map(|rest| rest.split('"').next()?.parse().ok()).collect()
}

#[test]
fn a_run_is_started_prolonged_queued_and_cancelled_by_form() {
    let (lab, product) = lab_with_product();
    let form = format!("nil={}&job=psc-auth-imap&timer=30&options=1", product.nil);
    assert_eq!(post(&lab, "/runs", &form), (303, "/runs/1".into()));
    waiting(&lab, 1);
    let page = lab.page("/runs/1", "fr");
    assert!(
        page.body.contains("En attente de votre action") && page.body.contains(&product.per),
        "{}",
        page.body
    );
    assert!((1..=30).contains(&seconds_left(&page.body).unwrap()));
    assert_eq!(post(&lab, "/runs/1/prolong", ""), (303, "/runs/1".into()));
    assert!((60..=90).contains(&seconds_left(&lab.page("/runs/1", "en").body).unwrap()));

    // The next one waits behind it, and says so; the last timer of a job is remembered.
    assert_eq!(post(&lab, "/runs", &form).1, "/runs/2");
    let page = lab.page("/runs/2", "en").body;
    assert!(page.contains("behind run") && page.contains("href=\"/runs/1\""), "{page}");
    assert!(
        lab.page("/jobs/psc-auth-imap", "fr")
            .body
            .contains("name=\"timer\" min=\"5\" max=\"3600\" step=\"1\" required value=\"30\"")
    );
    for run in [2, 1] {
        assert_eq!(post(&lab, &format!("/runs/{run}/cancel"), ""), (303, format!("/runs/{run}")));
        let ended = lab.wait_for(&format!("/api/v1/runs/{run}"), |run| run["verdict"].is_string());
        assert_eq!(ended["verdict"], "aborted");
        assert!(lab.page(&format!("/runs/{run}"), "fr").body.contains("Interrompu"));
    }
    // Too late is no failure: the page tells what came of the run.
    assert_eq!(post(&lab, "/runs/1/prolong", "").0, 303);
}

#[test]
fn a_start_that_makes_no_sense_is_explained() {
    let (lab, product) = lab_with_product();
    let nil = &product.nil;
    for (form, status, word) in [
        (format!("nil={nil}&job=psc-nil&timer=soon"), 400, "soon"),
        (format!("nil={nil}&job=psc-nil&timer=4"), 400, "5 et 3600"),
        (format!("nil={nil}&job=psc-telepathy&timer=9"), 404, "Aucun job"),
        ("nil=9999&job=psc-nil&timer=9".into(), 404, "Aucun produit"),
        (String::new(), 404, ""),
    ] {
        let (found, body) = post(&lab, "/runs", &form);
        assert_eq!(found, status, "{form}: {body}");
        assert!(body.contains("<h1>") && body.contains(word), "{form}: {body}");
    }
    assert!(lab.page("/runs", "fr").body.contains("Aucune exécution"), "nothing was started");
}

#[test]
fn the_tree_says_what_a_tester_asks_first() {
    let (lab, product) = lab_with_product();
    history(&lab, &product);
    let page = lab.page("/jobs?nil=2621", "fr").body;
    for word in [
        "Cas de tests de référencement SEGUR",
        "Cas de tests unitaires",
        "MSS-LPS-SEGUR-APP",
        "MSS-LPS-SEGUR-GEN-APP",
        "MSS-LPS-SEGUR-GEN-PER-ORG",
        "MSS-LPS-SEGUR-PER-ORG-1",
        "MSS-LPS-SEGUR-PER-ORG-2",
        "MSS-LPS-SEGUR-PER-ORG-3",
        "MSS-LPS-SEGUR1",
        "Tout déplier",
        "contenu reconstitué",
        "Automatisable",
        "href=\"/runs/2\"",
        "vaguemestre run all --nil 2621 --adapter lps",
    ] {
        assert!(page.contains(word), "{word} is missing");
    }
    let found = lab.page("/jobs?q=conf.11", "fr").body;
    assert!(found.contains("psc-token-refused") && !found.contains("psc-auth-imap"), "{found}");
    assert!(lab.page("/jobs?q=%2Fx%28", "fr").body.contains("Aucun job"));
    assert_eq!(lab.page("/jobs?nil=9", "fr").status, 404);
    let registry = lab.page("/requirements", "en").body;
    assert!(
        registry.contains("id=\"SC.MSS-CONF.11\"") && registry.contains("/jobs/psc-token-refused"),
        "{registry}"
    );
}

#[test]
fn a_job_has_its_prerequisites_filled_in_and_looked_at() {
    let (lab, product) = lab_with_product();
    let page = lab.page("/jobs/psc-nil?nil=2621", "fr").body;
    let ca = lab.up()["ca_file"].as_str().unwrap();
    let port = lab.port("smtp", "starttls").to_string();
    for word in
        [product.per.as_str(), ca, &port, "Au niveau LPS", "Au niveau du banc", "Lancer le job", "Définition"]
    {
        assert!(page.contains(word), "{word} is missing");
    }
    assert!(!page.contains("Prêt"), "the page itself looks at nothing");
    let looked = lab.page("/jobs/psc-nil?nil=2621&check=1", "fr").body;
    assert!(looked.contains("Prêt") && !looked.contains("En défaut"), "{looked}");
    let english = lab.page("/jobs/cert-auth-imap?nil=2621", "en").body;
    assert!(english.contains("AUTH_CLI certificate (file)") && english.contains(&product.app), "{english}");
    assert_eq!(lab.page("/jobs/psc-telepathy", "fr").status, 404);
}

#[test]
fn the_lines_of_a_log_are_given_out_as_asked() {
    let (lab, product) = lab_with_product();
    history(&lab, &product);
    let lines = |query: &str| lab.page(&format!("/runs/2/lines?{query}"), "fr").json();
    let all = lines("");
    let total = all["total"].as_u64().unwrap();
    assert!(total > 12 && all["matched"] == all["total"] && all["finished"] == json!(true), "{all}");
    let some = lines("from=3&count=2");
    assert_eq!(
        some["lines"].as_array().unwrap().iter().map(|line| line["n"].clone()).collect::<Vec<_>>(),
        [3, 4]
    );
    let every = |query: &str, good: &dyn Fn(&Value) -> bool| {
        let found = lines(query);
        let rows = found["lines"].as_array().unwrap();
        assert!(!rows.is_empty() && (rows.len() as u64) < total && rows.iter().all(good), "{query}: {found}");
    };
    every("node=smtp", &|line| line["node"] == "smtp");
    every("level=alert", &|line| line["level"] == "alert");
    every("q=EhLo", &|line| line["text"].as_str().unwrap().contains("EHLO"));
    let session = lines("node=smtp")["lines"][0]["session"].clone();
    every(&format!("session={session}"), &|line| line["session"] == session);
    every("fold=all", &|line| line["session"].is_null() || line["head"] == json!(true));
    assert_eq!(lines("lognil=9999")["matched"], 0);
    for query in ["session=seven", "level=loud", "from=-1", "count=many"] {
        let answer = lab.page(&format!("/runs/2/lines?{query}"), "fr");
        assert_eq!((answer.status, &answer.json()["error"]["code"]), (400, &json!("bad_input")), "{query}");
    }
    // The same filters without a script.
    let page = lab.page("/runs/2?node=smtp&q=ehlo", "fr").body;
    assert!(page.contains("retenues") && !page.contains("Nom utilisateur 2621"), "{page}");
    assert!(lab.page("/runs/2?session=seven", "fr").body.contains("seven"));
}

#[test]
fn the_history_is_filtered_and_says_what_makes_no_sense() {
    let (lab, product) = lab_with_product();
    history(&lab, &product);
    let found = |query: &str| {
        let page = lab.page(&format!("/runs?{query}"), "fr");
        assert_eq!(page.status, 200, "{query}: {}", page.body);
        listed(&page.body)
    };
    assert_eq!(found(""), [3, 2, 1]);
    assert_eq!(found("verdict=failed"), [2]);
    assert_eq!(found("job=psc-auth-imap"), [1]);
    assert_eq!(found("requirement=SC.MSS%2FCONF.16&since=24h"), [2]);
    assert_eq!(found("group=MSS-LPS-SEGUR-PER-ORG-1&nil=2621"), [3, 1]);
    assert_eq!(found("q=n%C2%B0+2"), [2]);
    assert_eq!(found("verdict=unfinished"), Vec::<i64>::new());
    assert_eq!(found("nil=2626"), Vec::<i64>::new());
    for query in ["verdict=splendid", "since=yesterday", "campaign=x", "page=0", "page=99999999999"] {
        assert_eq!(found(query), [3, 2, 1], "{query} is said, and ignored");
        assert!(lab.page(&format!("/runs?{query}"), "fr").body.contains("role=\"alert\""), "{query}");
    }
    assert!(lab.page("/runs?q=29400", "fr").body.contains("MOTCO2"));
    let moved = lab.page("/execution/2", "fr");
    assert_eq!((moved.status, moved.header("location")), (308, Some("/runs/2")));
}

#[test]
fn a_run_names_its_neighbours_and_compares_with_them() {
    let (lab, product) = lab_with_product();
    let (nil, good) = (product.nil.as_str(), adapter("adapter.py"));
    lab.json(&["run", "psc-nil", "--nil", nil, "--adapter", &bad("missing_nil.py")]).ended(1);
    lab.json(&["run", "psc-auth-imap", "--nil", nil, "--adapter", &good]).ended(0);
    lab.json(&["run", "psc-nil", "--nil", nil, "--adapter", &good]).ended(0);
    let first = lab.page("/runs/1", "fr").body;
    assert!(
        first.contains("rel=\"next\" href=\"/runs/3\"") && !first.contains("rel=\"prev\" href=\"/runs"),
        "{first}"
    );
    let last = lab.page("/runs/3", "fr").body;
    assert!(last.contains("/runs/compare?a=1&amp;b=3") && last.contains("--adapter"), "{last}");
    for path in ["/runs/compare?a=3&b=1", "/runs/compare?run=1&run=3"] {
        let page = lab.page(path, "fr").body;
        for word in ["n° 1", "n° 3", "diffère", "SC.MSS/CONF.16", "Seulement dans n° 1"] {
            assert!(page.contains(word), "{path}: {word} is missing in {page}");
        }
    }
    // The product may go: its runs stay, and nothing is offered that needs it.
    assert_eq!(lab.api("DELETE", "/api/v1/products/2621", &Value::Null).status / 100, 2);
    let left = lab.page("/runs/3", "fr");
    assert!(
        left.status == 200 && left.body.contains("Réussi") && !left.body.contains("Relancer"),
        "{}",
        left.body
    );
    assert_eq!(lab.page("/runs/compare?a=1", "fr").status, 400);
    assert_eq!(lab.page("/runs/compare?a=1&b=2&run=3", "fr").status, 400);
    let unknown = lab.page("/runs/compare?a=1&b=29400", "fr");
    assert!(unknown.status == 404 && unknown.body.contains("MOTCO2"));
}

#[test]
fn a_campaign_shows_its_progress_and_is_run_again() {
    let (lab, product) = lab_with_product();
    let group = "nil=2621&job=MSS-LPS-SEGUR-APP&timer=5";
    let (status, place) = post(&lab, "/runs", group);
    assert_eq!((status, place.as_str()), (303, "/campaigns/1"), "{place}");
    assert!(lab.page("/campaigns/1", "fr").body.contains("0 sur 2 terminées"));
    for run in [1, 2] {
        post(&lab, &format!("/runs/{run}/cancel"), "");
    }
    lab.wait_for("/api/v1/campaigns/1", |campaign| campaign["finished"] == json!(true));
    let page = lab.page("/campaigns/1", "fr").body;
    assert!(
        page.contains("2 sur 2 terminées") && page.contains("Relancer le reste (2 sans verdict)"),
        "{page}"
    );
    assert!(lab.events("/campaigns/1/events", "event: done").contains("event: done"));
    assert_eq!(post(&lab, "/campaigns/1/rerun", "which=failed").0, 400, "none failed");
    assert_eq!(post(&lab, "/campaigns/1/rerun", "which=some").0, 400);
    assert_eq!(post(&lab, "/campaigns/1/rerun", "which=remaining"), (303, "/campaigns/2".into()));
    let page = lab.page("/campaigns/2", "en").body;
    assert!(page.contains("0 of 2 finished"), "{page}");
    for run in [3, 4] {
        post(&lab, &format!("/runs/{run}/cancel"), "");
    }
    lab.wait_for("/api/v1/campaigns/2", |campaign| campaign["finished"] == json!(true));

    // An adapter's campaign is run again where the adapter is.
    lab.json(&["run", "psc-auth-imap", "--nil", &product.nil, "--adapter", &adapter("adapter.py")]).ended(0);
    let page = lab.page("/campaigns/3", "fr").body;
    assert!(
        page.contains("vaguemestre run psc-auth-imap --nil 2621 --adapter") && !page.contains("which"),
        "{page}"
    );
}

#[test]
fn a_message_already_received_is_explained_and_proves_nothing() {
    let (lab, product) = lab_with_product();
    assert!(lab.page("/jobs/psc-nil/received?nil=2621", "fr").body.contains("Aucun message"));
    let mut with = with_token(&lab, &product);
    with["to"] = json!(product.app);
    with["headers"] = json!(["X-MSS-NIL: 9999", format!("Message-ID: <{EVIL}@x>")]);
    assert_eq!(client(&lab.ask("smtp_send", "smtp", &with))["ok"], json!(true));
    let list = lab.page("/jobs/psc-nil/received?nil=2621", "fr").body;
    assert!(!list.contains(EVIL), "{list}");
    let link =
        list.split("href=\"").find(|rest| rest.contains("message=")).expect("the message can be judged");
    let link = link.split('"').next().unwrap().replace("&amp;", "&").replace("&#38;", "&");
    let judged = lab.page(&link, "fr").body;
    for word in ["Jugement a posteriori", "Échoué", "9999", "Attendu", "Constaté", "Que faire"] {
        assert!(judged.contains(word), "{word} is missing in {judged}");
    }
    assert!(lab.page("/runs", "fr").body.contains("Aucune exécution"), "it has no number");
    let unknown = lab.page("/jobs/psc-nil/received?nil=2621&message=NOTHING", "fr");
    assert_eq!(unknown.status, 400, "{}", unknown.body);
}

#[test]
fn nothing_that_a_client_says_acts_in_these_pages() {
    let (lab, product) = lab_with_product();
    assert_eq!(post(&lab, "/runs", &format!("nil={}&job=psc-nil&timer=30", product.nil)).0, 303);
    waiting(&lab, 1);
    std::thread::sleep(std::time::Duration::from_millis(200));
    // What the live log shows of a name that no server lets pass.
    client(&lab.ask("clear", "smtp", &json!({"lines": [format!("EHLO \"><{EVIL}"), "QUIT"]})));
    let live = lab.page("/runs/1", "fr").body;
    assert!(live.contains("alert(1)") && !live.contains("<script>alert"), "{live}");
    let mut with = with_token(&lab, &product);
    with["to"] = json!(product.app);
    with["headers"] = json!([
        format!("Subject: {EVIL}"),
        format!("X-MSS-NIL: {EVIL}"),
        format!("X-MSS-INS: {EVIL}"),
        format!("Message-ID: <{EVIL}@evil>"),
    ]);
    assert_eq!(client(&lab.ask("smtp_send", "smtp", &with))["ok"], json!(true));
    lab.wait_for("/api/v1/runs/1", |run| run["verdict"].is_string());
    let query = "q=%3Cscript%3Ealert(1)%3C%2Fscript%3E";
    for path in [
        "/runs/1".to_owned(),
        format!("/runs/1?{query}&node={EVIL}").replace(['<', '>'], "%3C"),
        format!("/runs?{query}&verdict=%3Cscript%3Ealert(1)%3C%2Fscript%3E"),
        format!("/jobs?{query}"),
        "/jobs/psc-nil/received?nil=2621".into(),
        "/runs/compare?a=1&b=1".into(),
        "/runs/%3Cscript%3Ealert(1)%3C%2Fscript%3E".into(),
        "/campaigns/1".into(),
    ] {
        let page = lab.page(&path, "fr");
        assert!(!page.body.contains(EVIL), "{path} holds the script");
        assert!(!page.body.contains("<script>alert"), "{path} holds the script");
    }
    assert!(lab.page("/runs/1", "fr").body.contains("alert(1)"), "the text is shown");
    let raw = lab.page("/runs/1/log.txt", "fr");
    assert_eq!(raw.header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(raw.header("x-content-type-options"), Some("nosniff"));
}

#[test]
fn a_number_of_no_run_gets_a_page_that_helps() {
    let (lab, _) = lab_with_product();
    for path in
        ["/runs/29400", "/runs/abc", "/runs/-1", "/runs/9223372036854775808", "/campaigns/7", "/campaigns/x"]
    {
        let page = lab.page(path, "fr");
        assert_eq!(page.status, 404, "{path}");
        assert!(
            page.body.contains("MOTCO2") && page.body.contains("action=\"/runs\""),
            "{path}: {}",
            page.body
        );
    }
    assert!(lab.page("/runs/29400", "en").body.contains("official test number"));
    assert_eq!(lab.page("/runs/29400/events", "fr").status, 404);
    assert_eq!(post(&lab, "/runs/29400/prolong", "").0, 404);
    assert_eq!(post(&lab, "/runs/29400/cancel", "").0, 404);
}
