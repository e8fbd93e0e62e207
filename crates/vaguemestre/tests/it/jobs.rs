//! The jobs: good clients of two makes pass every one, and each bad client fails for its own reason.

use serde_json::{Value, json};
use testkit::{Lab, adapter, bad};

use crate::{lab_with_product, not_passed, only_run};

/// The jobs on which every server behaves, but for the three of MOTCO2's own that do not.
pub(crate) fn healthy_jobs(lab: &Lab) -> String {
    let listed = lab.json(&["jobs"]).ended(0);
    let jobs = listed["jobs"].as_array().unwrap().iter();
    let healthy = jobs.filter(|job| {
        let faulty = job["control"] == "healthy" || job["control"] == "found";
        !faulty || job["id"].as_str().unwrap().ends_with("-tls-floor")
    });
    let ids: Vec<&str> = healthy.map(|job| job["id"].as_str().unwrap()).collect();
    assert!(ids.len() >= 30, "{ids:?}");
    ids.join(",")
}

/// With our own connector: `contracts::our_lps_passes_every_job`, by the command that newcomers run.
#[test]
fn the_python_client_passes_every_job() {
    let (lab, product) = lab_with_product();
    let (adapter, what) = (adapter("adapter.py"), healthy_jobs(&lab));
    let listed = lab.json(&["jobs"]).ended(0);
    let jobs = listed["jobs"].as_array().unwrap().iter().map(|job| job["id"].as_str().unwrap());
    let jobs: Vec<&str> = jobs.filter(|id| what.split(',').any(|one| one == *id)).collect();
    let order = ["run", &what, "--nil", &product.nil, "--adapter", &adapter, "--accelerated"];
    let done = lab.json(&order).ended(0);
    let runs = done["runs"].as_array().unwrap();
    let ids: Vec<&str> = runs.iter().map(|run| run["job"].as_str().unwrap()).collect();
    assert_eq!(ids, jobs);
    for run in runs {
        assert_eq!(run["verdict"], "passed", "{run:#}");
        assert!(!run["checks"].as_array().unwrap().is_empty(), "{run:#}");
        assert!(not_passed(run).is_empty(), "{run:#}");
    }
    assert_eq!(done["summary"]["passed"], json!(jobs.len()));
    assert_eq!(done["left_out"], json!([]));
}

#[test]
fn a_canned_message_is_said_in_the_log() {
    let (lab, product) = lab_with_product();
    let order = ["run", "psc-nil", "--nil", &product.nil, "--adapter", &adapter("adapter.py"), "--canned"];
    let run = only_run(&lab.json(&order).ended(0));
    let log = lab.json(&["log", &run["number"].to_string()]).ended(0);
    let said = log["lines"]
        .as_array()
        .unwrap()
        .iter()
        .any(|line| line["text"].as_str().unwrap().contains("--canned"));
    assert!(said, "{log:#}");
}

/// One bad client on one job, and how the verdict must read.
struct Fault {
    job: &'static str,
    client: &'static str,
    verdict: &'static str,
    /// Part of `received` in English, of one check that failed.
    en: &'static str,
    /// Part of `received` in French, of the same check.
    fr: &'static str,
}

const fn failed(job: &'static str, client: &'static str, en: &'static str, fr: &'static str) -> Fault {
    Fault { job, client, verdict: "failed", en, fr }
}

/// Runs the table and prints it as it came out, so that a failure shows the whole picture.
fn each_is_told(requirement: &str, faults: &[Fault]) {
    let (lab, product) = lab_with_product();
    let mut wrong = Vec::new();
    for fault in faults {
        let run = judged(&lab, &product.nil, fault.job, fault.client);
        let found = explained(&run, requirement, fault);
        println!(
            "{:<16} {:<20} {:<12} {}",
            fault.job,
            fault.client,
            run["verdict"],
            received(&run).join(" / ")
        );
        if !found {
            wrong.push(format!(
                "{} by {}: wanted {} with {:?}: {run:#}",
                fault.job, fault.client, fault.verdict, fault.en
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn judged(lab: &Lab, nil: &str, job: &str, client: &str) -> Value {
    let output = lab.json(&["run", job, "--nil", nil, "--adapter", &bad(client)]);
    only_run(&output.json())
}

fn explained(run: &Value, requirement: &str, fault: &Fault) -> bool {
    let has = |value: &Value, part: &str| value.as_str().is_some_and(|text| text.contains(part));
    run["verdict"] == fault.verdict
        && not_passed(run).iter().any(|check| {
            check["requirement"] == requirement
                && has(&check["en"]["received"], fault.en)
                && has(&check["received"], fault.fr)
                && has(&check["next"], " ")
                && check["transcript_line"].is_u64()
        })
}

fn received(run: &Value) -> Vec<String> {
    not_passed(run)
        .iter()
        .map(|check| check["en"]["received"].as_str().unwrap_or_default().to_owned())
        .collect()
}

#[test]
fn conf_07_bad_clients_fail_for_their_reason() {
    let in_clear = ("XOAUTH2 sent in clear, token included", "XOAUTH2 envoyé en clair, jeton compris");
    let signature = ("token_signature", "signature du jeton incorrecte");
    let garbage = ("token_malformed", "jeton illisible");
    let external = ("Mechanism EXTERNAL used", "Mécanisme EXTERNAL employé");
    let mut faults = Vec::new();
    for job in ["psc-auth-imap", "psc-auth-smtp"] {
        for (client, (en, fr)) in [
            ("clear_auth.py", in_clear),
            ("wrong_token.py", signature),
            ("garbage_token.py", garbage),
            ("no_certificate.py", external),
        ] {
            faults.push(failed(job, client, en, fr));
        }
    }
    each_is_told("SC.MSS/CONF.07", &faults);
}

#[test]
fn conf_03_a_client_that_takes_cbc_suites_fails() {
    let accepted = "défaut TLS accepté par le client";
    each_is_told(
        "SC.MSS/CONF.03",
        &[failed("cert-smtp-tls-cbc-only", "bad.py trusts-all", accepted, accepted)],
    );
}

#[test]
fn conf_04_a_client_that_follows_no_dns_fails() {
    let fault =
        |job| failed(job, "bad.py remembers-servers", "does not give any more", "que le DNS ne donne plus");
    each_is_told("SC.MSS/CONF.04", &[fault("psc-dns-moved-imap"), fault("psc-dns-nxdomain")]);
}

#[test]
fn conf_08_a_client_that_begins_again_for_ever_fails() {
    each_is_told(
        "SC.MSS/CONF.08",
        &[
            failed(
                "psc-imap-login-refused",
                "bad.py loops",
                "refused or cut tries",
                "tentative(s) refusée(s)",
            ),
            failed(
                "cert-smtp-login-refused",
                "bad.py loops",
                "refused or cut tries",
                "tentative(s) refusée(s)",
            ),
        ],
    );
}

#[test]
fn conf_22_a_client_without_a_current_crl_that_goes_on_fails() {
    let fault = |job| failed(job, "bad.py trusts-all", "Server accepted", "Serveur accepté");
    each_is_told(
        "SC.MSS/CONF.22",
        &[fault("psc-imap-tls-stale-crl"), fault("cert-smtp-tls-crl-unreachable")],
    );
}

#[test]
fn conf_27_a_client_that_takes_another_authority_fails() {
    let fault = |job, client| failed(job, client, "Server accepted", "Serveur accepté");
    each_is_told(
        "SC.MSS/CONF.27",
        &[
            fault("psc-imap-tls-gamme-standard", "bad.py trusts-all"),
            fault("psc-imap-tls-domaine-personnes", "bad.py trusts-all"),
            fault("cert-smtp-tls-production-name", "bad.py trusts-all"),
            fault("cert-smtp-tls-wrong-host", "bad.py trusts-all"),
        ],
    );
}

#[test]
fn conf_12_bad_clients_fail_for_their_reason() {
    let mut faults = Vec::new();
    for job in ["cert-auth-imap", "cert-auth-smtp"] {
        faults.push(failed(
            job,
            "clear_auth.py",
            "EXTERNAL sent in clear, before TLS",
            "EXTERNAL envoyé en clair",
        ));
        faults.push(failed(
            job,
            "no_certificate.py",
            "No client certificate presented",
            "Aucun certificat client",
        ));
        faults.push(failed(job, "no_certificate.py", "no_certificate", "EXTERNAL sans certificat client"));
        faults.push(failed(job, "garbage_token.py", "Mechanism XOAUTH2 used", "Mécanisme XOAUTH2 employé"));
    }
    each_is_told("SC.MSS/CONF.12", &faults);
}

#[test]
fn conf_16_bad_clients_fail_for_their_reason() {
    each_is_told(
        "SC.MSS/CONF.16",
        &[
            failed("psc-nil", "missing_nil.py", "Header absent", "En-tête absent"),
            failed("psc-nil", "other_nil.py", "X-MSS-NIL: 2622", "X-MSS-NIL: 2622"),
            failed("psc-nil", "wrong_token.py", "token_signature", "signature du jeton incorrecte"),
            failed("psc-nil", "clear_auth.py", "cleartext", "authentification avant TLS"),
        ],
    );
}

#[test]
fn conf_01_a_client_that_takes_tls_1_1_fails() {
    let taken = ("TLS 1.1", "TLS 1.1 accepté");
    each_is_told(
        "SC.MSS/CONF.01",
        &[
            failed("psc-tls-floor", "bad.py old-tls", taken.0, taken.1),
            failed("cert-tls-floor", "bad.py old-tls", taken.0, taken.1),
        ],
    );
}

#[test]
fn conf_05_what_is_said_before_starttls_fails() {
    each_is_told(
        "SC.MSS/CONF.05",
        &[
            failed("psc-starttls-smtp", "bad.py no-second-ehlo", "EHLO", "EHLO"),
            failed("cert-starttls-smtp", "bad.py early-command", "in clear", "en clair"),
        ],
    );
}

#[test]
fn conf_06_what_is_said_before_starttls_fails() {
    each_is_told(
        "SC.MSS/CONF.06",
        &[
            failed("psc-starttls-imap", "bad.py early-command", "in clear", "en clair"),
            failed("cert-starttls-imap", "bad.py clear-login", "in clear", "en clair"),
        ],
    );
}

#[test]
fn conf_11_a_refused_token_is_neither_insisted_on_nor_given_up() {
    each_is_told(
        "SC.MSS/CONF.11",
        &[
            failed("psc-token-refused", "bad.py stale-token", "again", "réutilisé"),
            failed("psc-token-refused", "bad.py no-renewal", "no new", "pas de nouvelle connexion"),
        ],
    );
}

#[test]
fn conf_10_a_client_that_goes_on_when_its_session_is_over_fails() {
    let after = ("after the end of the PSC session", "après la fin de la session PSC");
    each_is_told(
        "SC.MSS/CONF.10",
        &[
            failed("psc-imap-session-killed", "bad.py goes-on-without-psc", after.0, after.1),
            failed("psc-smtp-refresh-refused", "bad.py goes-on-without-psc", after.0, after.1),
        ],
    );
}

#[test]
fn psc_01_a_login_that_breaks_a_rule_fails() {
    let fault = |client, why| failed("psc-login-flow", client, why, why);
    each_is_told(
        "SC.PSC.01",
        &[
            fault("bad.py no-state", "state is missing"),
            fault("bad.py no-pkce", "code_challenge"),
            fault("bad.py near-redirect", "redirect"),
            fault("bad.py code-twice", "used already"),
        ],
    );
}

#[test]
fn conf_28_a_token_outside_of_its_place_fails() {
    each_is_told(
        "SC.MSS/CONF.28",
        &[
            failed("psc-smtp-token-kept", "bad.py token-in-message-id", "in a message", "dans un message"),
            failed("psc-imap-token-kept", "bad.py token-in-address", "in the address", "dans l’adresse"),
        ],
    );
}

#[test]
fn conf_14_wrong_values_of_the_ins_header_fail() {
    each_is_told(
        "SC.MSS/CONF.14",
        &[
            failed("psc-ins", "bad.py no-ins", "X-MSS-INS", "X-MSS-INS absent"),
            failed("cert-ins", "bad.py small-ins", "X-MSS-INS: o", "X-MSS-INS: o"),
            failed("psc-ins-n", "bad.py ins-always", "X-MSS-INS: O", "X-MSS-INS: O"),
            failed("psc-plain", "bad.py ins-on-plain", "X-MSS-INS: N", "X-MSS-INS: N"),
            failed("segur-v2-parcours", "bad.py ins-always", "X-MSS-INS: O", "X-MSS-INS: O"),
        ],
    );
}

#[test]
fn conf_15_wrong_values_of_the_codecda_header_fail() {
    each_is_told(
        "SC.MSS/CONF.15",
        &[
            failed("psc-codecda", "bad.py no-codecda", "X-MSS-CODECDA", "X-MSS-CODECDA absent"),
            failed("psc-two-cda", "bad.py one-code", "X-MSS-CODECDA: 11490-0", "X-MSS-CODECDA: 11490-0"),
            failed("cert-two-cda", "bad.py codecda-spaces", ", ", ", "),
            failed("cert-plain", "bad.py codecda-on-plain", "X-MSS-CODECDA: ", "X-MSS-CODECDA: "),
        ],
    );
}

#[test]
fn conf_21_the_end_of_the_exchange_where_it_does_not_belong_fails() {
    each_is_told(
        "SC.MSS/CONF.21",
        &[
            failed("psc-mes", "bad.py no-mes", "X-MSS-MES", "X-MSS-MES absent"),
            failed("cert-mes", "bad.py small-mes", "X-MSS-MES: fin", "X-MSS-MES: fin"),
            failed("psc-mes-absent", "bad.py mes-to-professional", "X-MSS-MES: FIN", "X-MSS-MES: FIN"),
            failed("cert-mes-absent", "bad.py mes-always", "X-MSS-MES: FIN", "X-MSS-MES: FIN"),
        ],
    );
}

#[test]
fn va1_08_an_answer_that_names_nothing_fails() {
    each_is_told("MSS/va1.08", &[failed("psc-reply", "bad.py no-in-reply-to", "In-Reply-To", "In-Reply-To")]);
}

#[test]
fn va1_12_a_bare_number_is_no_message_id() {
    each_is_told("MSS/va1.12", &[failed("psc-reply", "bad.py bare-message-id", "Message-ID", "Message-ID")]);
}

#[test]
fn a_client_is_blamed_for_its_own_fault_only() {
    let (lab, product) = lab_with_product();
    for job in ["psc-auth-imap", "psc-auth-smtp", "cert-auth-imap", "cert-auth-smtp"] {
        let run = judged(&lab, &product.nil, job, "missing_nil.py");
        assert_eq!(run["verdict"], "passed", "a mail without X-MSS-NIL says nothing about logins: {run:#}");
    }
}
