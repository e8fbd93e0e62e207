use std::path::PathBuf;

use bench::{Code, Error};
use clap::{Args, Subcommand};
use i18n::{Arg, text, text_with};
use serde_json::{Value, json};

use super::{encoded, query, tell, word};
use crate::cli::Cli;
use crate::client::Server;
use crate::output;

#[derive(Debug, Args)]
pub(crate) struct List {
    /// to_do, filed, not_mine, dismissed, deleted, history; several with commas, or all
    #[arg(long, default_value = "to_do")]
    state: String,
    /// Words of title, patient, author or type
    #[arg(long)]
    text: Option<String>,
    /// Of this mailbox: its key
    #[arg(long)]
    mailbox: Option<String>,
    /// Filed to this patient: the key
    #[arg(long)]
    patient: Option<String>,
    /// With a critical result that nobody has taken in charge
    #[arg(long)]
    critical: bool,
    /// How many at most
    #[arg(long, default_value_t = 50, value_name = "N")]
    limit: u64,
    /// The `next` of the page before
    #[arg(long, value_name = "CURSOR")]
    after: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Show {
    /// The document
    document: String,
    /// Save its octets as they were received
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Without any choice, the document goes to the patient that its identity is certain of, or nowhere.
#[derive(Debug, Args)]
pub(crate) struct File {
    /// The document
    document: String,
    /// In this patient's file: the key
    #[arg(long, value_name = "KEY", group = "choice")]
    patient: Option<String>,
    /// In a new file, made from the document's traits
    #[arg(long, group = "choice")]
    new: bool,
    /// The new patient's name in the host's own base
    #[arg(long, value_name = "REF", requires = "new")]
    host_ref: Option<String>,
    /// It is no patient of this practice
    #[arg(long, group = "choice")]
    not_mine: bool,
    /// Put it aside, with a reason
    #[arg(long, value_name = "REASON", group = "choice")]
    dismiss: Option<String>,
    /// To be processed again
    #[arg(long, group = "choice")]
    reopen: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Request {
    /// List them
    List {
        /// pending, accepted, refused, orphan or effective
        #[arg(long)]
        state: Option<String>,
    },
    /// Accept one; effective once confirmed
    Accept {
        /// The request
        request: String,
    },
    /// Refuse one
    Refuse {
        /// The request
        request: String,
        /// Why
        #[arg(long)]
        reason: String,
    },
    /// Say that what was accepted is done in the host's own base
    Confirm {
        /// The request
        request: String,
    },
}

/// `vaguemestre lps list`.
pub(super) async fn list(cli: &Cli, server: &Server, arguments: &List) -> Result<(), Error> {
    let asked = query(&[
        ("state", Some(arguments.state.clone()).filter(|state| state != "all")),
        ("text", arguments.text.clone()),
        ("mailbox", arguments.mailbox.clone()),
        ("patient", arguments.patient.clone()),
        ("unacknowledged", arguments.critical.then(|| "true".to_owned())),
        ("limit", Some(arguments.limit.to_string())),
        ("after", arguments.after.clone()),
        ("counts", Some("true".to_owned())),
    ]);
    let page = server.get(&format!("/api/v1/documents?{asked}")).await?;
    if cli.json {
        tell("lps-documents", page);
        return Ok(());
    }
    let lang = cli.lang();
    for row in page["documents"].as_array().into_iter().flatten() {
        show_row(row);
    }
    let number = |field: &str| Arg::Number(page["counts"][field].as_i64().unwrap_or_default());
    let counts = [("found", number("found")), ("todo", number("to_do")), ("critical", number("critical"))];
    output::say!("{}", text_with(lang, "lps-counts", &counts));
    if let Some(next) = page["next"].as_str() {
        output::say!("{}", text_with(lang, "lps-more", &[("cursor", Arg::Text(next))]));
    }
    Ok(())
}

/// `vaguemestre lps show`.
pub(super) async fn show(cli: &Cli, server: &Server, arguments: &Show) -> Result<(), Error> {
    let path = format!("/api/v1/documents/{}", encoded(&arguments.document));
    if let Some(out) = &arguments.out {
        let octets = server.get_bytes(&format!("{path}/content")).await?;
        bench::write_private(out, &octets)?;
        if cli.json {
            tell("lps-saved", json!({"document": arguments.document, "out": out, "bytes": octets.len()}));
        } else {
            output::say!("{}", out.display());
        }
        return Ok(());
    }
    let mut detail = server.get(&path).await?;
    detail["proposal"] = server.get(&format!("{path}/proposal")).await?;
    if cli.json {
        tell("lps-document", detail);
        return Ok(());
    }
    let lang = cli.lang();
    show_row(&detail["document"]);
    let decision = &detail["proposal"]["matched"]["decision"];
    output::say!("  {} {}", text(lang, "lps-proposal"), word(decision, "decision"));
    for patient in detail["proposal"]["patients"].as_array().into_iter().flatten() {
        let traits = &patient["record"]["identity"]["traits"];
        let (birth, first) = (word(traits, "birth_name"), word(traits, "first_given"));
        output::say!("    {}  {birth} {first} {}", word(patient, "key"), word(traits, "birth_date"));
    }
    detail["requests"].as_array().into_iter().flatten().for_each(show_request);
    Ok(())
}

/// `vaguemestre lps file`.
pub(super) async fn file(cli: &Cli, server: &Server, arguments: &File) -> Result<(), Error> {
    let act = if arguments.new {
        json!({"act": "file_to_new", "host_ref": arguments.host_ref})
    } else if arguments.not_mine {
        json!({"act": "not_mine"})
    } else if arguments.reopen {
        json!({"act": "reopen"})
    } else if let Some(reason) = &arguments.dismiss {
        json!({"act": "dismiss", "reason": reason})
    } else {
        json!({"act": "file", "patient": arguments.patient})
    };
    let path = format!("/api/v1/documents/{}/acts", encoded(&arguments.document));
    let row = server.post(&path, &act).await?;
    if cli.json {
        tell("lps-row", row);
    } else {
        show_row(&row);
    }
    Ok(())
}

/// `vaguemestre lps request …`.
pub(super) async fn request(cli: &Cli, server: &Server, command: &Request) -> Result<(), Error> {
    let (key, decision) = match command {
        Request::List { state } => {
            let asked = query(&[("state", state.clone())]);
            let list = server.get(&format!("/api/v1/requests?{asked}")).await?;
            if cli.json {
                tell("lps-requests", list);
            } else {
                list["requests"].as_array().into_iter().flatten().for_each(show_request);
            }
            return Ok(());
        }
        Request::Accept { request } => (request, json!({"decision": "accept"})),
        Request::Refuse { request, reason } => (request, json!({"decision": "refuse", "reason": reason})),
        Request::Confirm { request } => (request, json!({"decision": "confirm"})),
    };
    if key.is_empty() {
        return Err(Error::new(
            Code::BadInput,
            "no request is named",
            "Take its key from: vaguemestre lps request list.",
        ));
    }
    let decided = server.post(&format!("/api/v1/requests/{}/decision", encoded(key)), &decision).await?;
    if cli.json {
        tell("lps-request", decided);
    } else {
        show_request(&decided);
    }
    Ok(())
}

fn show_row(row: &Value) {
    let mark = if row["critical"] == true && row["acknowledged"] != true { "!" } else { " " };
    output::say!(
        "{mark}{}  {}  {:<9} {}  {}  {}",
        word(row, "key"),
        word(row, "received").get(..10).unwrap_or_default(),
        word(row, "state"),
        word(row, "patient_name"),
        word(row, "title"),
        word(row, "author"),
    );
}

fn show_request(request: &Value) {
    output::say!(
        "{}  {} {}  {} → {}",
        word(request, "key"),
        word(request, "kind"),
        word(request, "state"),
        word(request, "document"),
        word(request, "target"),
    );
}
