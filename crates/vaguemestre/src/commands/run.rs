use std::path::Path;

use bench::{Code, Error};
use i18n::{Arg, Lang, text, text_with};
use serde_json::{Value, json};

use super::junit;
use crate::cli::{Cli, Run};
use crate::client::Server;
use crate::output;

/// `vaguemestre run`.
pub(crate) async fn run(cli: &Cli, arguments: &Run) -> Result<u8, Error> {
    let server = Server::find(cli)?;
    let order = json!({
        "nil": arguments.nil,
        "what": arguments.what,
        "adapter": arguments.adapter.as_deref().map(adapter).transpose()?,
        "timer_s": arguments.timer,
        "accelerated": arguments.accelerated,
        "canned": arguments.canned,
        "seed": arguments.seed,
    });
    let started = server.post("/api/v1/campaigns", &order).await?;
    let campaign = started["campaign"].as_i64().unwrap_or_default();
    let mut progress = Progress::new(cli.lang());
    let mut done = server.get(&format!("/api/v1/campaigns/{campaign}")).await?;
    progress.show(&done);
    while done["finished"] != json!(true) {
        done = server.get(&format!("/api/v1/campaigns/{campaign}?wait=20")).await?;
        progress.show(&done);
    }
    progress.end();
    if cli.json {
        output::json(&done);
    } else {
        table(cli.lang(), &done);
    }
    // After the verdicts are out: a report that cannot be written must not take them along.
    if let Some(path) = &arguments.junit {
        write(path, &junit::report(&done))?;
    }
    Ok(exit_code(&done, arguments.allow_unsupported))
}

/// `lps` is this binary's own; anything else is split into words as a shell would.
pub(crate) fn adapter(command: &str) -> Result<Value, Error> {
    let dir = std::env::current_dir()?;
    let argv = if command == "lps" {
        vec![std::env::current_exe()?.to_string_lossy().into_owned(), "lps-adapter".to_owned()]
    } else {
        words(command).ok_or_else(|| {
            let next = "Close the quotes of the --adapter command.";
            Error::new(Code::BadInput, "the adapter's command has an open quote", next).field("adapter")
        })?
    };
    Ok(json!({"argv": argv, "dir": dir}))
}

/// Words separated by blanks; '…' and "…" keep blanks together, \ keeps the next character. `None` for an open quote.
fn words(command: &str) -> Option<Vec<String>> {
    let (mut out, mut word, mut quote) = (Vec::new(), None::<String>, None);
    let mut characters = command.chars();
    while let Some(c) = characters.next() {
        match (c, quote) {
            (c, Some(open)) if c == open => quote = None,
            ('\\', None | Some('"')) => word.get_or_insert_default().push(characters.next()?),
            (c, Some(_)) => word.get_or_insert_default().push(c),
            ('\'' | '"', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (c, None) if c.is_whitespace() => out.extend(word.take()),
            (c, None) => word.get_or_insert_default().push(c),
        }
    }
    out.extend(word);
    quote.is_none().then_some(out)
}

/// 0: at least one run and all passed (or allowed to be unsupported); 1: anything else.
pub(crate) fn exit_code(done: &Value, allow_unsupported: bool) -> u8 {
    let runs: Vec<&str> =
        done["runs"].as_array().into_iter().flatten().filter_map(|run| run["verdict"].as_str()).collect();
    let fine = |verdict: &&str| *verdict == "passed" || (allow_unsupported && *verdict == "unsupported");
    let all = done["runs"].as_array().map_or(0, Vec::len);
    u8::from(runs.len() != all || !runs.contains(&"passed") || !runs.iter().all(fine))
}

/// The word of a verdict in the reader's language, with its sign.
pub(crate) fn verdict(lang: Lang, name: &str) -> String {
    let (sign, id) = match name {
        "passed" => ("✔", "verdict-passed"),
        "failed" => ("✘", "verdict-failed"),
        "inconclusive" => ("?", "verdict-inconclusive"),
        "unsupported" => ("–", "verdict-unsupported"),
        "not_started" => ("–", "verdict-not-started"),
        "aborted" => ("!", "verdict-aborted"),
        "attested" => ("✔", "verdict-attested"),
        _ => ("–", "verdict-not-applicable"),
    };
    format!("{sign} {}", text(lang, id))
}

/// The verdicts of a campaign, with what to do about those that did not pass.
pub(crate) fn table(lang: Lang, done: &Value) {
    for run in done["runs"].as_array().into_iter().flatten() {
        let job = run["job"].as_str().unwrap_or_default();
        let word = verdict(lang, run["verdict"].as_str().unwrap_or_default());
        output::say!("  n° {:<5} {job:<20} {word:<18} {:>6} ms", run["number"], run["duration_ms"]);
        let reason = run["reason"].as_str().unwrap_or_default();
        if !reason.is_empty() {
            output::say!("           {reason}");
        }
        explain(lang, run);
    }
    for job in done["left_out"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        output::say!("  {}", text_with(lang, "cli-left-out", &[("job", Arg::Text(job))]));
    }
    let summary = &done["summary"];
    let count = |name: &str| summary[name].as_u64().unwrap_or(0).to_string();
    let total = done["runs"].as_array().map_or(0, Vec::len).to_string();
    let passed = count("passed");
    output::say!(
        "{}",
        text_with(lang, "cli-summary", &[("passed", Arg::Text(&passed)), ("total", Arg::Text(&total))])
    );
}

/// Why a run did not pass: each different finding once, and the adapter's word where it says more than `done`.
fn explain(lang: Lang, run: &Value) {
    let mut seen: Vec<&Value> = Vec::new();
    for check in run["checks"].as_array().into_iter().flatten().filter(|check| check["outcome"] != "passed") {
        if seen.contains(&&check["received"]) {
            continue;
        }
        seen.push(&check["received"]);
        let said = |field: &str| match lang {
            Lang::Fr => check[field].as_str(),
            _ => check["en"][field].as_str(),
        };
        output::say!("           {}", check["requirement"].as_str().unwrap_or_default());
        for (id, field) in [("run-expected", "expected"), ("run-received", "received"), ("run-next", "next")]
        {
            output::say!("             {:<10} {}", text(lang, id), said(field).unwrap_or_default());
        }
    }
    for word in run["adapter"].as_array().into_iter().flatten().filter(|word| word["outcome"] != "done") {
        let part = |field: &str| word[field].as_str().unwrap_or_default();
        output::say!(
            "           {} {} : {} {}",
            text(lang, "run-adapter"),
            part("step"),
            part("outcome"),
            part("detail")
        );
    }
}

/// A live line on standard error: what is running, what is waited for.
pub(crate) struct Progress {
    lang: Lang,
    terminal: bool,
    last: String,
}

impl Progress {
    pub(crate) fn new(lang: Lang) -> Self {
        Self { lang, terminal: output::is_terminal(), last: String::new() }
    }

    pub(crate) fn show(&mut self, campaign: &Value) {
        let runs = campaign["runs"].as_array().cloned().unwrap_or_default();
        let done = runs.iter().filter(|run| run["verdict"].is_string()).count();
        let unfinished: Vec<&Value> = runs.iter().filter(|run| run["verdict"].is_null()).collect();
        let active: Vec<String> = unfinished.iter().filter_map(|run| self.active(run)).collect();
        let words = match (active.is_empty(), unfinished.first()) {
            // Nothing of this campaign has its turn: somebody else's run is before it.
            (true, Some(first)) => self.queued(first),
            _ => active.join(" · "),
        };
        let line = format!("[{done}/{}] {words}", runs.len());
        if line == self.last {
            return;
        }
        if self.terminal {
            eprint!("\r\x1b[2K{line}");
        } else if !words.is_empty() {
            eprintln!("{line}");
        }
        self.last = line;
    }

    fn active(&self, run: &Value) -> Option<String> {
        let job = run["job"].as_str().unwrap_or_default();
        match run["phase"]["state"].as_str()? {
            "running" => Some(format!("{job} : {}", text(self.lang, "phase-running"))),
            "waiting" => {
                let url = run["url"].as_str().unwrap_or_default();
                Some(format!("{job} : {} ({url})", text(self.lang, "phase-waiting")))
            }
            _ => None,
        }
    }

    fn queued(&self, run: &Value) -> String {
        let (job, behind) = (run["job"].as_str().unwrap_or_default(), &run["phase"]["behind"]);
        if behind.is_null() {
            return String::new();
        }
        let words = text_with(self.lang, "phase-queued", &[("run", Arg::Text(&behind.to_string()))]);
        format!("{job} : {words}")
    }

    pub(crate) fn end(&self) {
        if self.terminal {
            eprint!("\r\x1b[2K");
        }
    }
}

/// Writes a report whole.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), Error> {
    std::fs::write(path, text).map_err(|error| {
        let message = format!("{} cannot be written: {error}", path.display());
        Error::new(Code::BadInput, message, "Give a path in a folder that exists and can be written.")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_split_as_a_shell_would() {
        assert_eq!(
            words("python3 'my adapter.py' --x \"a b\" c\\ d").unwrap(),
            ["python3", "my adapter.py", "--x", "a b", "c d"]
        );
        assert_eq!(words("  a   b ").unwrap(), ["a", "b"]);
        assert_eq!(words("a ''").unwrap(), ["a", ""]);
        assert_eq!(words("a 'b"), None);
    }

    #[test]
    fn exit_codes_are_those_of_the_contracts() {
        let campaign = |verdicts: &[&str]| json!({"runs": verdicts.iter().map(|v| json!({"verdict": v})).collect::<Vec<_>>()});
        assert_eq!(exit_code(&campaign(&["passed", "passed"]), false), 0);
        assert_eq!(exit_code(&campaign(&[]), false), 1);
        assert_eq!(exit_code(&campaign(&["passed", "failed"]), true), 1);
        assert_eq!(exit_code(&campaign(&["passed", "unsupported"]), false), 1);
        assert_eq!(exit_code(&campaign(&["passed", "unsupported"]), true), 0);
        assert_eq!(exit_code(&campaign(&["unsupported"]), true), 1);
        assert_eq!(exit_code(&campaign(&["inconclusive"]), false), 1);
    }
}
