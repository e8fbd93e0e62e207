use bench::Error;
use i18n::{Lang, text};
use serde_json::Value;
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::{Cli, Up};
use crate::data::default_path;
use crate::output;
use crate::ports::Ports;
use crate::sandbox::{Sandbox, Wish};

/// `vaguemestre up`.
pub(crate) async fn run(cli: &Cli, arguments: &Up) -> Result<u8, Error> {
    let mut ends = Ends::listen()?;
    let wish = Wish {
        data: match &cli.data {
            Some(data) => data.clone(),
            None => default_path()?,
        },
        domain: arguments.domain.clone(),
        renumber: arguments.renumber,
    };
    let sandbox = Sandbox::start(wish, |data| Ports::open(data, arguments.ports, arguments.renumber)).await?;
    if cli.json {
        output::json(&sandbox.up);
    } else {
        output::say!("{}", text(cli.lang(), "cli-up-ready"));
        addresses(cli.lang(), &sandbox.up);
        output::say!("{}", text(cli.lang(), "cli-up-stop"));
    }
    ends.wait().await;
    sandbox.stop().await;
    Ok(0)
}

/// The addresses that a person opens or types.
pub(crate) fn addresses(lang: Lang, up: &Value) {
    let word = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let ports = |service: &Value| {
        format!("{}:{} (STARTTLS), :{} (TLS)", word(&service["host"]), service["starttls"], service["tls"])
    };
    output::say!("  {:<20} {}", text(lang, "cli-up-bench"), word(&up["server"]));
    output::say!("  {:<20} {}", "Pro Santé Connect", word(&up["psc"]["issuer"]));
    output::say!("  {:<20} {}", "IMAP", ports(&up["imap"]));
    output::say!("  {:<20} {}", "SMTP", ports(&up["smtp"]));
    output::say!("  {:<20} {}", text(lang, "cli-up-ca"), word(&up["ca_file"]));
}

/// SIGTERM and Ctrl-C, listened to from the start so that none is missed.
pub(crate) struct Ends {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Ends {
    pub(crate) fn listen() -> Result<Self, Error> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    pub(crate) async fn wait(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
