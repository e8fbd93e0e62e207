use std::path::Path;

use bench::proof::{Verification, verify as check};
use bench::{Code, Error};
use i18n::{Arg, text, text_with};
use serde_json::{Value, json};

use super::run::{verdict, write};
use crate::cli::{Cli, Log, Proof, Verify};
use crate::client::Server;
use crate::output;

/// `vaguemestre log`.
pub(crate) async fn log(cli: &Cli, arguments: &Log) -> Result<u8, Error> {
    let server = Server::find(cli)?;
    let mut shown = 0;
    loop {
        let log = server.get(&format!("/api/v1/runs/{}/log", arguments.run)).await?;
        let finished = log["finished"] == json!(true);
        if cli.json && (finished || !arguments.follow) {
            output::json(&log);
            return Ok(0);
        }
        if !cli.json {
            // Lines of an open window are provisional: the final log is written whole.
            let lines = log["lines"].as_array().cloned().unwrap_or_default();
            if finished {
                lines.iter().for_each(line);
            } else {
                lines.iter().skip(shown).for_each(line);
                shown = lines.len();
            }
        }
        if finished || !arguments.follow {
            return Ok(0);
        }
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    }
}

fn line(line: &Value) {
    let word = |field: &str| line[field].as_str().unwrap_or_default().to_owned();
    let session = line["connection"].as_i64().map(|id| format!(" [{id}]")).unwrap_or_default();
    let time = word("at").chars().skip(11).take(12).collect::<String>();
    output::say!("{:>4}  {time}  {}{session}  {}", line["n"], word("node"), word("text"));
}

/// `vaguemestre proof`.
pub(crate) async fn save(cli: &Cli, arguments: &Proof) -> Result<u8, Error> {
    let proof = Server::find(cli)?.get_text(&format!("/api/v1/runs/{}/proof", arguments.run)).await?;
    write(&arguments.out, &proof)?;
    let path = arguments.out.display().to_string();
    if cli.json {
        output::json(&json!({"schema": "vaguemestre/proof-file/1", "run": arguments.run, "path": path}));
    } else {
        output::say!("{}", text_with(cli.lang(), "cli-proof-saved", &[("path", Arg::Text(&path))]));
    }
    Ok(0)
}

/// `vaguemestre verify`: 0 valid and same verdicts, 1 not, 2 unreadable.
pub(crate) fn verify(cli: &Cli, arguments: &Verify) -> Result<u8, Error> {
    let bytes = read(&arguments.file)?;
    let key = arguments.key.as_deref().map(expected_key).transpose()?;
    let lang = cli.lang();
    let (code, object) = match check(&bytes, key.as_deref()) {
        Verification::Valid { pinned, key_id, body } => {
            if !cli.json {
                output::say!(
                    "{}",
                    text(lang, if pinned { "cli-verify-pinned" } else { "cli-verify-integrity" })
                );
                output::say!("  {} - {}", body.product.nil, body.product.name);
                for run in &body.runs {
                    output::say!(
                        "  n° {:<5} {:<20} {}",
                        run.number,
                        run.scenario.id,
                        verdict(lang, run.verdict.name())
                    );
                }
                output::say!("  {} {key_id}", text(lang, "cli-verify-key"));
                output::say!("  {}", if lang == i18n::Lang::Fr { &body.notice.fr } else { &body.notice.en });
            }
            let runs: Vec<Value> = body
                .runs
                .iter()
                .map(|run| json!({"number": run.number, "job": run.scenario.id, "verdict": run.verdict.name()}))
                .collect();
            let said = if pinned { "signed by the expected key" } else { "integrity only" };
            (0, json!({"valid": true, "result": said, "key": key_id, "nil": body.product.nil, "runs": runs}))
        }
        Verification::Invalid(why) => {
            if !cli.json {
                output::say!("{}", text_with(lang, "cli-verify-invalid", &[("why", Arg::Text(&why))]));
            }
            (1, json!({"valid": false, "result": why}))
        }
        Verification::Unreadable(why) => {
            let next = "Give a file made by: vaguemestre proof RUN --out FILE.";
            return Err(Error::new(Code::BadInput, format!("{}: {why}", arguments.file.display()), next)
                .field("file"));
        }
    };
    if cli.json {
        let mut object = object;
        object["schema"] = json!("vaguemestre/verify/1");
        output::json(&object);
    }
    Ok(code)
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|error| {
        let message = format!("{} cannot be read: {error}", path.display());
        Error::new(Code::BadInput, message, "Check the path.").field("file")
    })
}

/// A fingerprint as it is, or the public key that a file holds.
fn expected_key(argument: &str) -> Result<String, Error> {
    let path = Path::new(argument);
    if !path.is_file() {
        return Ok(argument.trim().to_owned());
    }
    let bytes = read(path)?;
    String::from_utf8(bytes).map(|text| text.trim().to_owned()).map_err(|_| {
        let message = format!("{argument} holds no public key");
        Error::new(Code::BadInput, message, "Give the file proof.pub of the bench's data directory.")
            .field("key")
    })
}
