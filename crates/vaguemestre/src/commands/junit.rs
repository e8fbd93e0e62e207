use std::fmt::Write as _;

use serde_json::Value;

/// A campaign as JUnit XML: failed is `failure`; inconclusive, not_started and aborted are `error`; unsupported,
/// attested and not_applicable are `skipped`.
pub(crate) fn report(campaign: &Value) -> String {
    let runs = campaign["runs"].as_array().cloned().unwrap_or_default();
    let count = |kinds: &[&str]| runs.iter().filter(|run| kinds.contains(&element(run))).count();
    let total_ms: i64 = runs.iter().filter_map(|run| run["duration_ms"].as_i64()).sum();
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(
        out,
        "<testsuite name=\"vaguemestre NIL {}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" time=\"{}\">",
        escape(campaign["nil"].as_str().unwrap_or_default()),
        runs.len(),
        count(&["failure"]),
        count(&["error"]),
        count(&["skipped"]),
        seconds(total_ms),
    );
    for run in &runs {
        let job = escape(run["job"].as_str().unwrap_or_default());
        let time = seconds(run["duration_ms"].as_i64().unwrap_or(0));
        let _ = write!(out, "  <testcase classname=\"vaguemestre\" name=\"{job}\" time=\"{time}\">");
        let word = run["verdict"].as_str().unwrap_or("not_started");
        match element(run) {
            "" => {}
            "skipped" => {
                let _ = write!(out, "<skipped message=\"{}\"/>", escape(word));
            }
            kind => {
                let (headline, reasons) = (headline(run), reasons(run));
                let _ = write!(
                    out,
                    "<{kind} type=\"{}\" message=\"{}\">{}</{kind}>",
                    escape(word),
                    escape(&headline),
                    escape(&reasons)
                );
            }
        }
        let url = escape(run["url"].as_str().unwrap_or_default());
        let _ = writeln!(out, "<system-out>{url}</system-out></testcase>");
    }
    out + "</testsuite>\n"
}

fn element(run: &Value) -> &'static str {
    match run["verdict"].as_str().unwrap_or("not_started") {
        "passed" => "",
        "failed" => "failure",
        "unsupported" | "attested" | "not_applicable" => "skipped",
        _ => "error",
    }
}

/// What a CI shows beside the test's name: why the run did not start, or its first check that did not pass.
fn headline(run: &Value) -> String {
    let reason = run["reason"].as_str().unwrap_or_default();
    let check = run["checks"].as_array().into_iter().flatten().find(|check| check["outcome"] != "passed");
    match check {
        Some(check) if reason.is_empty() => format!(
            "{}: {}",
            check["requirement"].as_str().unwrap_or_default(),
            check["received"].as_str().unwrap_or_default()
        ),
        _ if reason.is_empty() => run["verdict"].as_str().unwrap_or("not_started").to_owned(),
        _ => reason.to_owned(),
    }
}

fn reasons(run: &Value) -> String {
    let mut out = run["reason"].as_str().unwrap_or_default().to_owned();
    for check in run["checks"].as_array().into_iter().flatten().filter(|check| check["outcome"] != "passed") {
        let word = |field: &str| check[field].as_str().unwrap_or_default().to_owned();
        let _ = writeln!(
            out,
            "{} attendu : {} ; constaté : {} ; que faire : {}",
            word("requirement"),
            word("expected"),
            word("received"),
            word("next")
        );
    }
    out
}

fn seconds(ms: i64) -> String {
    format!("{}.{:03}", ms / 1_000, ms % 1_000)
}

/// XML 1.0 text: markup escaped, characters that XML cannot hold left out.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            c if c < ' ' && !matches!(c, '\n' | '\t') || matches!(c, '\u{fffe}' | '\u{ffff}') => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn verdicts_become_the_elements_of_the_contracts() {
        let verdicts = [
            "passed",
            "failed",
            "inconclusive",
            "not_started",
            "aborted",
            "unsupported",
            "attested",
            "not_applicable",
        ];
        let runs: Vec<Value> = verdicts
            .iter()
            .map(|v| json!({"job": "a<b", "verdict": v, "duration_ms": 1500, "checks": []}))
            .collect();
        let xml = report(&json!({"nil": "2621", "runs": runs}));
        assert!(xml.contains("tests=\"8\" failures=\"1\" errors=\"3\" skipped=\"3\""), "{xml}");
        assert!(xml.contains("name=\"a&lt;b\" time=\"1.500\""), "{xml}");
    }

    #[test]
    fn what_xml_cannot_hold_is_left_out() {
        let run = json!({"job": "psc-nil", "verdict": "failed", "checks": [{"outcome": "failed", "received": "X-MSS-NIL: \u{0}\u{1b}\u{fffe}\u{ffff}]]>&amp;"}]});
        let xml = report(&json!({"nil": "2621", "runs": [run]}));
        assert!(xml.contains("X-MSS-NIL: ]]&gt;&amp;amp;"), "{xml}");
    }

    #[test]
    fn a_ci_sees_the_verdict_and_the_first_reason() {
        let checks = json!([
            {"outcome": "passed", "requirement": "SC.MSS/CONF.05", "received": "STARTTLS"},
            {"outcome": "failed", "requirement": "SC.MSS/CONF.16", "received": "En-tête absent"},
        ]);
        let runs = json!([
            {"job": "psc-nil", "verdict": "failed", "reason": "", "checks": checks},
            {"job": "psc-ins", "verdict": "not_started", "reason": "port_in_use", "checks": []},
            {"job": "psc-mes", "verdict": "aborted", "checks": []},
        ]);
        let xml = report(&json!({"nil": "2621", "runs": runs}));
        for element in [
            "<failure type=\"failed\" message=\"SC.MSS/CONF.16: En-tête absent\">",
            "<error type=\"not_started\" message=\"port_in_use\">",
            "<error type=\"aborted\" message=\"aborted\">",
        ] {
            assert!(xml.contains(element), "{element} in {xml}");
        }
    }
}
