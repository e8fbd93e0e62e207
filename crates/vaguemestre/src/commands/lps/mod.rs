//! `vaguemestre lps …`: the connector of this binary as a service, and as commands that speak to it through its API.

mod account;
mod documents;
mod sample;
mod serve;
mod traces;

use bench::Error;
use clap::Subcommand;
use serde_json::Value;

use crate::cli::Cli;
use crate::client::Server;
use crate::output;

/// What is asked of the connector.
#[derive(Debug, Subcommand)]
pub(crate) enum Lps {
    /// Serve the practices of the data directory, until SIGTERM or Ctrl-C (`up` does it beside the sandbox)
    Serve(serve::Serve),
    /// The mailboxes of the practice
    #[command(subcommand)]
    Account(Box<account::Account>),
    /// Say what stands between a mailbox and its mail, step by step
    Diagnose(account::Which),
    /// Fetch what is new now
    Sync(account::Sync),
    /// Show the work list
    List(documents::List),
    /// Show a document: its row, versions, requests, and where it belongs; or save its octets
    Show(documents::Show),
    /// File a document, or decide otherwise about it
    File(documents::File),
    /// Replacements and deletions that senders ask for
    #[command(subcommand)]
    Request(documents::Request),
    /// Show who did what, when
    Trace(traces::Trace),
    /// Write a mail to try a practice with: a document about the published patient of tests
    Sample(sample::Sample),
}

/// Carries a command out.
pub(crate) async fn run(cli: &Cli, command: &Lps) -> Result<u8, Error> {
    match command {
        Lps::Serve(arguments) => return serve::run(cli, arguments).await,
        Lps::Sample(arguments) => return sample::run(cli, arguments),
        _ => {}
    }
    let server = Server::find_lps(cli)?;
    match command {
        Lps::Serve(_) | Lps::Sample(_) => {}
        Lps::Account(arguments) => account::run(cli, &server, arguments).await?,
        Lps::Diagnose(arguments) => return account::diagnose(cli, &server, arguments).await,
        Lps::Sync(arguments) => return account::sync(cli, &server, arguments).await,
        Lps::List(arguments) => documents::list(cli, &server, arguments).await?,
        Lps::Show(arguments) => documents::show(cli, &server, arguments).await?,
        Lps::File(arguments) => documents::file(cli, &server, arguments).await?,
        Lps::Request(arguments) => documents::request(cli, &server, arguments).await?,
        Lps::Trace(arguments) => traces::run(cli, &server, arguments).await?,
    }
    Ok(0)
}

/// One object of the contracts: what the API answered, under the name of its schema.
fn tell(schema: &str, mut answer: Value) {
    answer["schema"] = format!("vaguemestre/{schema}/1").into();
    output::json(&answer);
}

/// A text of an answer; empty where there is none.
fn word<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}

/// A value of a query, or of a path.
fn encoded(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~@".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

/// A query of the pairs that have a value.
fn query(pairs: &[(&str, Option<String>)]) -> String {
    let given =
        pairs.iter().filter_map(|(name, value)| Some(format!("{name}={}", encoded(value.as_deref()?))));
    given.collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_hold_what_was_typed() {
        let typed =
            query(&[("text", Some("Éva & 100 %".into())), ("after", None), ("limit", Some("5".into()))]);
        assert_eq!(typed, "text=%C3%89va%20%26%20100%20%25&limit=5");
    }
}
