use std::io::Read as _;
use std::path::{Path, PathBuf};

use bench::{Code, Error};
use clap::{Args, Subcommand};
use i18n::{Arg, Lang, text, text_with};
use serde_json::{Map, Value, json};

use super::{encoded, tell, word};
use crate::cli::Cli;
use crate::client::Server;
use crate::output;

#[derive(Debug, Subcommand)]
pub(crate) enum Account {
    /// Add a mailbox, or change the one of this address
    Add(Add),
    /// List the mailboxes, with their last fetch
    List,
    /// Hand a Pro Santé Connect access token over, read from standard input: it lives in memory only
    Login(Which),
    /// Take a mailbox off the list; its documents stay
    Remove(Which),
}

#[derive(Debug, Args)]
pub(crate) struct Add {
    /// Its address
    #[arg(long)]
    address: String,
    /// PER, ORG or APP
    #[arg(long = "type", value_parser = ["PER", "ORG", "APP"])]
    kind: String,
    /// As screens call it
    #[arg(long)]
    label: Option<String>,
    /// Certificate that opens an APP mailbox (chain, PEM)
    #[arg(long, value_name = "FILE", requires = "key")]
    cert: Option<PathBuf>,
    /// Its private key (PKCS#8, PEM)
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,
    /// Where mail is read, instead of what DNS says: HOST:PORT for STARTTLS, tls:HOST:PORT for TLS from the first octet
    #[arg(long, value_name = "[tls:]HOST:PORT")]
    imap: Option<String>,
    /// Authorities to trust for this mailbox, and no others (PEM)
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Where their revocation lists are; repeatable
    #[arg(long = "crl", value_name = "URL")]
    crls: Vec<String>,
    /// Mail received before is readable, and never to be processed [default: now]
    #[arg(long, value_name = "RFC3339")]
    since: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Which {
    /// The mailbox: its address or its key
    pub(super) mailbox: String,
}

#[derive(Debug, Args)]
pub(crate) struct Sync {
    /// One mailbox: its address or its key; all of them where left out
    mailbox: Option<String>,
}

/// `vaguemestre lps account …`.
pub(super) async fn run(cli: &Cli, server: &Server, command: &Account) -> Result<(), Error> {
    match command {
        Account::Add(new) => {
            let mailbox = server.post("/api/v1/mailboxes", &body(new)?).await?;
            if cli.json {
                tell("lps-mailbox", mailbox);
            } else {
                show(cli.lang(), &mailbox);
            }
        }
        Account::List => {
            let list = server.get("/api/v1/mailboxes").await?;
            if cli.json {
                tell("lps-mailboxes", list);
            } else {
                let all = list["mailboxes"].as_array().cloned().unwrap_or_default();
                if all.is_empty() {
                    output::say!("{}", text(cli.lang(), "lps-no-mailbox"));
                }
                all.iter().for_each(|mailbox| show(cli.lang(), mailbox));
            }
        }
        Account::Login(which) => {
            let mut token = String::new();
            std::io::stdin().take(64 * 1024).read_to_string(&mut token)?;
            let path = format!("/api/v1/mailboxes/{}/login", encoded(&which.mailbox));
            server.send("POST", &path, Some(&json!({"access_token": token.trim()}))).await?;
            done(cli, "lps-login", &which.mailbox);
        }
        Account::Remove(which) => {
            server.send("DELETE", &format!("/api/v1/mailboxes/{}", encoded(&which.mailbox)), None).await?;
            done(cli, "lps-removed", &which.mailbox);
        }
    }
    Ok(())
}

fn done(cli: &Cli, schema: &str, mailbox: &str) {
    if cli.json {
        tell(schema, json!({"mailbox": mailbox}));
    } else {
        output::say!("{mailbox}");
    }
}

/// `vaguemestre lps diagnose`: 0 where all is well, 1 where something is not.
pub(super) async fn diagnose(cli: &Cli, server: &Server, which: &Which) -> Result<u8, Error> {
    let path = format!("/api/v1/mailboxes/{}/diagnostic", encoded(&which.mailbox));
    let found = server.get(&path).await?;
    let steps = found["steps"].as_array().cloned().unwrap_or_default();
    let bad = steps.iter().any(|step| step["outcome"] == "bad");
    if cli.json {
        tell("lps-diagnostic", found);
    } else {
        for step in &steps {
            let mark = match word(step, "outcome") {
                "good" => "✓",
                "warning" => "!",
                "bad" => "✗",
                _ => "·",
            };
            output::say!("{mark} {}", word(step, cli.lang().tag()));
        }
    }
    Ok(u8::from(bad))
}

/// `vaguemestre lps sync`: 0 where every mailbox was read, 1 where one was not.
pub(super) async fn sync(cli: &Cli, server: &Server, arguments: &Sync) -> Result<u8, Error> {
    let mailboxes = match &arguments.mailbox {
        Some(mailbox) => vec![mailbox.clone()],
        None => {
            let list = server.get("/api/v1/mailboxes").await?;
            let all = list["mailboxes"].as_array().cloned().unwrap_or_default();
            all.iter().map(|mailbox| word(mailbox, "key").to_owned()).collect()
        }
    };
    let (mut done, mut failed) = (Vec::new(), Vec::new());
    for mailbox in mailboxes {
        match server.post(&format!("/api/v1/mailboxes/{}/sync", encoded(&mailbox)), &json!({})).await {
            Ok(synced) => {
                if !cli.json {
                    show(cli.lang(), &synced["mailbox"]);
                    let counts = [
                        ("arrived", Arg::Number(synced["arrived"].as_i64().unwrap_or_default())),
                        ("fetched", Arg::Number(synced["fetched"].as_i64().unwrap_or_default())),
                    ];
                    output::say!("  {}", text_with(cli.lang(), "lps-synced", &counts));
                }
                done.push(synced);
            }
            // One that was asked for by its name is the command's own failure.
            Err(error) if arguments.mailbox.is_some() => return Err(error),
            Err(error) => {
                if !cli.json {
                    output::say!("{mailbox}: {}", error.message);
                }
                failed.push(json!({"mailbox": mailbox, "error": error.to_json()["error"]}));
            }
        }
    }
    let any = !failed.is_empty();
    if cli.json {
        tell("lps-sync", json!({"synced": done, "failed": failed}));
    }
    Ok(u8::from(any))
}

fn show(lang: Lang, mailbox: &Value) {
    let checked = match mailbox["checked_at"].as_str() {
        Some(at) => text_with(
            lang,
            "lps-checked",
            &[("at", Arg::Text(at)), ("by", Arg::Text(word(mailbox, "checked_by")))],
        ),
        None => text(lang, "lps-never-checked"),
    };
    output::say!("{:<4} {}  [{}]", word(mailbox, "kind"), word(mailbox, "address"), word(mailbox, "phase"));
    output::say!("  {checked}");
    if let Some(failure) = mailbox["failure"]["message"].as_str() {
        output::say!("  {}: {failure}", word(&mailbox["failure"], "stage"));
    }
}

fn body(new: &Add) -> Result<Value, Error> {
    let mut settings = Map::new();
    if let (Some(cert), Some(key)) = (&new.cert, &new.key) {
        settings.insert("certificate".into(), json!({"chain": absolute(cert)?, "key": absolute(key)?}));
    }
    if let Some(imap) = &new.imap {
        settings.insert("imap".into(), endpoint(imap)?);
    }
    if let Some(file) = &new.ca_file {
        settings.insert("authorities".into(), json!(absolute(file)?));
    }
    if !new.crls.is_empty() {
        settings.insert("crls".into(), json!(new.crls));
    }
    let mut body = json!({"address": new.address, "kind": new.kind});
    if !settings.is_empty() {
        body["settings"] = settings.into();
    }
    for (field, value) in [("label", &new.label), ("since", &new.since)] {
        if let Some(value) = value {
            body[field] = json!(value);
        }
    }
    Ok(body)
}

/// The service may run in another directory.
fn absolute(path: &Path) -> Result<PathBuf, Error> {
    path.canonicalize().map_err(|error| {
        let message = format!("{} cannot be read: {error}", path.display());
        Error::new(Code::BadInput, message, "Give a file of this machine.")
    })
}

fn endpoint(text: &str) -> Result<Value, Error> {
    let (security, place) = match text.strip_prefix("tls:") {
        Some(place) => ("tls", place),
        None => ("starttls", text),
    };
    let read = place.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse::<u16>().ok()?)));
    let Some((host, port)) = read.filter(|(host, _)| !host.is_empty()) else {
        let message = format!("{text:?} is no server");
        return Err(
            Error::new(Code::BadInput, message, "Write it as HOST:PORT, or tls:HOST:PORT.").field("imap")
        );
    };
    Ok(json!({"host": host, "port": port, "security": security}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_read_or_refused() {
        assert_eq!(endpoint("imap.a:1143").unwrap()["security"], "starttls");
        assert_eq!(
            endpoint("tls:imap.a:993").unwrap(),
            json!({"host": "imap.a", "port": 993, "security": "tls"})
        );
        for bad in ["", "imap.a", ":1", "imap.a:x", "tls:imap.a"] {
            assert!(endpoint(bad).is_err(), "{bad}");
        }
    }
}
