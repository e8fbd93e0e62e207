//! `vaguemestre token-scan`: an editor searches its own disks, base dumps and logs for tokens of Pro Santé Connect
//! (SC.MSS/CONF.28: none is ever stored).
//!
//! The bench keeps no token either: its journal has digests. So the search goes by form (a JWT, whole or in part, also
//! wrapped in base64, in a gzip file, in UTF-16, in escaped text), and the digests then say which finds were issued here.
//! Nothing that is found is ever printed: a find is told by its place and its first letters.

mod judge;
mod known;
mod runs;
mod tree;

use std::time::Instant;

use bench::Error;
use i18n::{Arg, text, text_with};
use serde_json::{Value, json};

use self::judge::{Found, Kind};
use self::tree::Report;
use crate::cli::{Cli, TokenScan};
use crate::output;

/// `vaguemestre token-scan`: 0 no token, 1 at least one, 2 something could not be read and nothing was found elsewhere.
pub(crate) async fn run(cli: &Cli, arguments: &TokenScan) -> Result<u8, Error> {
    let known = known::digests(cli).await?;
    let issued = known.len();
    let (paths, begun) = (arguments.paths.clone(), Instant::now());
    let scan = tokio::task::spawn_blocking(move || tree::scan(&paths, known)).await;
    let report = scan.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()));
    let code = match (report.found.is_empty(), report.unreadable.is_empty()) {
        (false, _) => 1,
        (true, false) => 2,
        (true, true) => 0,
    };
    if cli.json {
        output::json(&json!({
            "schema": "vaguemestre/token-scan/1", "issued_known": issued, "files": report.files, "bytes": report.bytes,
            "took_ms": u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
            "findings": report.found.iter().map(|(file, found)| finding(file, found)).collect::<Vec<_>>(),
            "truncated": report.truncated, "foreign_tokens": report.foreign,
            "unreadable": report.unreadable.iter().map(|(file, why)| json!({"file": file, "why": why})).collect::<Vec<_>>(),
            "skipped": report.skipped,
        }));
    } else {
        show(cli, &report, issued);
    }
    Ok(code)
}

fn finding(file: &str, found: &Found) -> Value {
    json!({
        "file": file, "offset": found.offset, "kind": found.kind.name(), "of": found.of, "wrapped": found.wrapped,
        "jti": found.jti, "excerpt": found.excerpt,
    })
}

fn show(cli: &Cli, report: &Report, issued: usize) {
    let lang = cli.lang();
    let number = |count: u64| Arg::Number(i64::try_from(count).unwrap_or(i64::MAX));
    for (file, found) in &report.found {
        let kind = match found.kind {
            Kind::Issued => text(lang, "token-scan-issued"),
            Kind::Token => text(lang, "token-scan-token"),
            Kind::Fragment => text(lang, "token-scan-fragment"),
            Kind::Refresh => text(lang, "token-scan-refresh"),
        };
        output::say!("{file}:{}  {kind}  {}", found.offset, found.excerpt);
    }
    for (file, why) in &report.unreadable {
        output::say!(
            "{}",
            text_with(lang, "token-scan-unreadable", &[("file", Arg::Text(file)), ("why", Arg::Text(why))])
        );
    }
    if report.truncated {
        output::say!("{}", text(lang, "token-scan-truncated"));
    }
    let sums = [
        ("files", number(report.files)),
        ("megabytes", number(report.bytes.div_ceil(1_000_000))),
        ("found", number(report.found.len() as u64)),
        ("issued", number(issued as u64)),
    ];
    output::say!("{}", text_with(lang, "token-scan-summary", &sums));
    if !report.found.is_empty() {
        output::say!("{}", text(lang, "token-scan-next"));
    }
}
