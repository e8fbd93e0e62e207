//! `vaguemestre doctor`: whether a data directory holds together; what, where, and what to do.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use bench::{Code, Error};
use db::Db;
use i18n::{Arg, Lang, text, text_with};
use mailstore::Severity;
use serde_json::{Value, json};

use super::backup::existing;
use crate::cli::{Cli, Doctor};
use crate::data::DATABASE;
use crate::output;

/// `vaguemestre doctor`: 0 nothing to say (any more), 1 findings, 2 unreadable.
pub(crate) async fn run(cli: &Cli, arguments: &Doctor) -> Result<u8, Error> {
    let data = existing(cli)?;
    let db = Db::open_sqlite(&data.join(DATABASE)).await?;
    let outcome = look(&db, &data, arguments.repair).await;
    let versions = db.versions().await;
    db.close().await;
    let (before, after) = outcome?;
    let versions: serde_json::Map<String, Value> =
        versions?.into_iter().map(|(component, version)| (component, json!(version))).collect();
    let repaired = |finding: &Finding| finding.found() && !same(&after, finding).found();
    let (errors, warnings) = (sum(&after, Severity::Error), sum(&after, Severity::Warning));
    if cli.json {
        let checks = before.iter().map(|finding| {
            json!({
                "check": finding.id, "severity": severity(finding.severity), "count": finding.count,
                "where": finding.first, "repairable": finding.repairable, "repaired": repaired(finding),
                "message": {"fr": said(Lang::Fr, finding.id), "en": said(Lang::En, finding.id)},
            })
        });
        output::json(&json!({
            "schema": "vaguemestre/doctor/1", "data": data, "versions": versions,
            "checks": checks.collect::<Vec<_>>(),
            "summary": {
                "errors": errors, "warnings": warnings,
                "repaired": before.iter().filter(|finding| repaired(finding)).count(),
            },
        }));
    } else {
        for finding in before.iter().filter(|finding| finding.found()) {
            show(cli.lang(), finding, repaired(finding));
        }
        let id = if errors + warnings > 0 { "cli-doctor-findings" } else { "cli-doctor-sound" };
        let path = data.display().to_string();
        let count = i64::try_from(errors + warnings).unwrap_or(i64::MAX);
        let arguments = [("path", Arg::Text(&path)), ("count", Arg::Number(count))];
        output::say!("{}", text_with(cli.lang(), id, &arguments));
    }
    Ok(u8::from(errors + warnings > 0))
}

/// One thing that was looked at.
#[derive(Clone, Debug)]
struct Finding {
    id: &'static str,
    severity: Severity,
    count: u64,
    first: Option<String>,
    repairable: bool,
}

impl Finding {
    fn found(&self) -> bool {
        self.count > 0
    }
}

async fn look(db: &Db, data: &Path, repair: bool) -> Result<(Vec<Finding>, Vec<Finding>), Error> {
    let before = examine(db, data).await?;
    if !repair || !before.iter().any(|finding| finding.found() && finding.repairable) {
        return Ok((before.clone(), before));
    }
    if same_id(&before, "integrity").found() {
        let next = "Restore the last backup, or copy what can be read with: sqlite3 FILE .recover";
        return Err(Error::new(
            Code::DataUnwritable,
            "the database file itself is damaged: nothing was repaired",
            next,
        ));
    }
    mailstore::repair(db, kernel::Clock::system().now()).await.map_err(understood)?;
    for path in open_secrets(data)? {
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
    }
    let after = examine(db, data).await?;
    Ok((before, after))
}

async fn examine(db: &Db, data: &Path) -> Result<Vec<Finding>, Error> {
    let problems = db.integrity().await?;
    let mut findings = vec![Finding {
        id: "integrity",
        severity: Severity::Error,
        count: problems.len() as u64,
        first: problems.into_iter().next(),
        repairable: false,
    }];
    // The tables of a damaged file may still be read; where they cannot, that is what is said.
    match mailstore::examine(db, kernel::Clock::system().now()).await {
        Ok(checks) => findings.extend(checks.into_iter().map(|check| Finding {
            id: check.id,
            severity: check.severity,
            count: check.count,
            first: check.first,
            repairable: check.repairable,
        })),
        Err(_) if findings[0].found() => {}
        Err(error) => return Err(understood(error)),
    }
    let open = open_secrets(data)?;
    findings.push(Finding {
        id: "open_secrets",
        severity: Severity::Warning,
        count: open.len() as u64,
        first: open.first().map(|path| path.display().to_string()),
        repairable: true,
    });
    Ok(findings)
}

fn understood(error: db::Error) -> Error {
    match error {
        db::Error::Invalid(message) => {
            Error::new(Code::BadInput, message, "Start vaguemestre up once on this directory.").field("data")
        }
        other => other.into(),
    }
}

/// Files with secrets in them that others on this machine may read.
fn open_secrets(data: &Path) -> std::io::Result<Vec<PathBuf>> {
    let (mut found, mut rest) = (Vec::new(), vec![data.to_owned()]);
    while let Some(directory) = rest.pop() {
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            let (kind, path) = (entry.file_type()?, entry.path());
            if kind.is_dir() {
                rest.push(path);
            } else if kind.is_file() && is_secret(&path) {
                match entry.metadata() {
                    Ok(metadata) if metadata.permissions().mode() & 0o077 != 0 => found.push(path),
                    _ => {}
                }
            }
        }
    }
    found.sort();
    Ok(found)
}

fn is_secret(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    name.ends_with(".key") || name.starts_with(DATABASE) || matches!(&*name, "api-key" | "psc_client_secret")
}

fn same<'a>(findings: &'a [Finding], finding: &Finding) -> &'a Finding {
    same_id(findings, finding.id)
}

fn same_id<'a>(findings: &'a [Finding], id: &str) -> &'a Finding {
    findings.iter().find(|other| other.id == id).expect("both looks make the same checks")
}

fn sum(findings: &[Finding], severity: Severity) -> usize {
    findings.iter().filter(|finding| finding.found() && finding.severity == severity).count()
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

fn show(lang: Lang, finding: &Finding, repaired: bool) {
    let count = i64::try_from(finding.count).unwrap_or(i64::MAX);
    let grave = match finding.severity {
        Severity::Error => text(lang, "cli-doctor-error"),
        Severity::Warning => text(lang, "cli-doctor-warning"),
    };
    let place = finding.first.as_deref().unwrap_or_default();
    output::say!("{grave}  {} ({})", said(lang, finding.id), finding.id);
    let arguments = [("count", Arg::Number(count)), ("place", Arg::Text(place))];
    output::say!("  {}", text_with(lang, "cli-doctor-where", &arguments));
    let next = match (repaired, finding.repairable) {
        (true, _) => text(lang, "cli-doctor-repaired"),
        (false, true) => text(lang, "cli-doctor-repair"),
        (false, false) if finding.id == "quota" => text(lang, "cli-doctor-make-room"),
        (false, false) => text(lang, "cli-doctor-restore"),
    };
    output::say!("  → {next}");
}

/// What was found, in words.
fn said(lang: Lang, id: &str) -> String {
    let id = match id {
        "integrity" => "cli-doctor-integrity",
        "uid_order" => "cli-doctor-uid-order",
        "mod_sequences" => "cli-doctor-mod-sequences",
        "numbers" => "cli-doctor-numbers",
        "missing_bodies" => "cli-doctor-missing-bodies",
        "pieces" => "cli-doctor-pieces",
        "lost_messages" => "cli-doctor-lost-messages",
        "counts" => "cli-doctor-counts",
        "references" => "cli-doctor-references",
        "orphans" => "cli-doctor-orphans",
        "learned" => "cli-doctor-learned",
        "drafts" => "cli-doctor-drafts",
        "quota" => "cli-doctor-quota",
        _ => "cli-doctor-open-secrets",
    };
    text(lang, id)
}
