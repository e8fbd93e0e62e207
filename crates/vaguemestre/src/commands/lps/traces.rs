use bench::Error;
use clap::Args;
use i18n::{Arg, text, text_with};

use super::{query, tell, word};
use crate::cli::Cli;
use crate::client::Server;
use crate::output;

#[derive(Debug, Args)]
pub(crate) struct Trace {
    /// The life line of one document
    #[arg(long, value_name = "KEY")]
    document: Option<String>,
    /// By this person: the whole name
    #[arg(long)]
    author: Option<String>,
    /// Not before
    #[arg(long, value_name = "RFC3339")]
    from: Option<String>,
    /// Before
    #[arg(long, value_name = "RFC3339")]
    until: Option<String>,
    /// How many lines at most
    #[arg(long, default_value_t = 100, value_name = "N")]
    limit: u64,
    /// All lines that match, as CSV with local times
    #[arg(long, conflicts_with = "verify")]
    csv: bool,
    /// Check that no line was taken out or changed
    #[arg(long)]
    verify: bool,
}

/// `vaguemestre lps trace`.
pub(super) async fn run(cli: &Cli, server: &Server, arguments: &Trace) -> Result<(), Error> {
    if arguments.verify {
        let found = server.get("/api/v1/traces/chain").await?;
        if cli.json {
            tell("lps-chain", found);
        } else if found["broken"].is_null() {
            let lines = [("lines", Arg::Number(found["lines"].as_i64().unwrap_or_default()))];
            output::say!("{}", text_with(cli.lang(), "lps-chain-whole", &lines));
        } else {
            let line = [("line", Arg::Number(found["broken"]["seq"].as_i64().unwrap_or_default()))];
            output::say!("{}", text_with(cli.lang(), "lps-chain-broken", &line));
        }
        return Ok(());
    }
    let mut pairs = vec![
        ("document", arguments.document.clone()),
        ("author", arguments.author.clone()),
        ("from", arguments.from.clone()),
        ("until", arguments.until.clone()),
    ];
    if arguments.csv && !cli.json {
        let lines = server.get_text(&format!("/api/v1/traces.csv?{}", query(&pairs))).await?;
        output::say!("{}", lines.trim_end());
        return Ok(());
    }
    pairs.push(("limit", Some(arguments.limit.to_string())));
    let page = server.get(&format!("/api/v1/traces?{}", query(&pairs))).await?;
    if cli.json {
        tell("lps-traces", page);
        return Ok(());
    }
    let lines = page["traces"].as_array().cloned().unwrap_or_default();
    if lines.is_empty() {
        output::say!("{}", text(cli.lang(), "lps-no-trace"));
    }
    for line in &lines {
        output::say!(
            "{:>6} {} {:<12} {:<14} {:<8} {} {}",
            line["seq"],
            word(line, "at"),
            word(line, "author"),
            word(line, "act"),
            word(line, "outcome"),
            word(line, "request"),
            word(line, "answer"),
        );
    }
    Ok(())
}
