use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use bench::{Code, Error};
use clap::{Args, ValueEnum};
use i18n::text;
use kernel::Clock;
use lps::Resolver;
use tokio::net::TcpListener;

use crate::cli::Cli;
use crate::commands::up::Ends;
use crate::data::default_path;
use crate::lps_service::{LpsService, Wish};
use crate::output;

/// The service alone.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Port of this machine; 0 takes a free one
    #[arg(long, default_value_t = 8801, value_name = "N")]
    port: u16,
    /// A practice to make, with what people call it; repeatable. They are kept
    #[arg(long = "practice", value_name = "NAME[=LABEL]")]
    practices: Vec<String>,
    /// Authorities to trust (PEM): those of the IGC-Santé, or a sandbox's; mailboxes may name others
    #[arg(long, value_name = "FILE")]
    ca_file: PathBuf,
    /// Where their revocation lists are; repeatable
    #[arg(long = "crl", value_name = "URL")]
    crls: Vec<String>,
    /// DNS server that knows the operators [default: the system's]
    #[arg(long, value_name = "ADDRESS:PORT")]
    dns: Option<SocketAddr>,
    /// Whose numbers are admitted: real people's, or a sandbox's
    #[arg(long, value_enum, default_value = "production")]
    world: World,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum World {
    Production,
    Sandbox,
}

/// `vaguemestre lps serve`: until SIGTERM or Ctrl-C.
pub(crate) async fn run(cli: &Cli, arguments: &Serve) -> Result<u8, Error> {
    let mut ends = Ends::listen()?;
    let data = match &cli.data {
        Some(data) => data.clone(),
        None => default_path()?,
    };
    let authorities = std::fs::read_to_string(&arguments.ca_file).map_err(|error| {
        let message = format!("{} cannot be read: {error}", arguments.ca_file.display());
        Error::new(Code::BadInput, message, "Give the authorities to trust with --ca-file FILE.")
            .field("ca_file")
    })?;
    let resolver = match arguments.dns {
        Some(server) => Resolver::new(server),
        None => Resolver::system().map_err(|error| {
            let message = format!("the system's DNS servers are not known: {error}");
            Error::new(Code::BadInput, message, "Give one with --dns ADDRESS:PORT.").field("dns")
        })?,
    };
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, arguments.port));
    let listener = TcpListener::bind(address).await.map_err(|error| {
        let next = "Stop its holder, or pick another port with --port N.";
        Error::new(Code::PortInUse, format!("port {} cannot be opened: {error}", arguments.port), next)
            .field("port")
    })?;
    let clock = Clock::system();
    let wish = Wish {
        engine: lps::engine::Settings::new(
            authorities,
            arguments.crls.clone(),
            &data,
            clock.clone(),
            resolver,
        ),
        practices: arguments.practices.iter().map(|text| practice(text)).collect(),
        data,
        clock,
        world: match arguments.world {
            World::Production => ins::World::Production,
            World::Sandbox => ins::World::Sandbox,
        },
    };
    let service = LpsService::start(wish, listener).await?;
    if cli.json {
        output::json(&service.told);
    } else {
        output::say!("{} {}", text(cli.lang(), "lps-serve-ready"), super::word(&service.told, "lps"));
        for practice in service.told["practices"].as_array().into_iter().flatten() {
            let (name, label) = (super::word(practice, "name"), super::word(practice, "label"));
            output::say!("  {name:<20} {label}  ({})", super::word(practice, "api_key_file"));
        }
        output::say!("{}", text(cli.lang(), "cli-up-stop"));
    }
    ends.wait().await;
    service.stop().await;
    Ok(0)
}

/// `NAME=LABEL`, or a name that is its own label.
fn practice(text: &str) -> (String, String) {
    let (name, label) = text.split_once('=').unwrap_or((text, text));
    (name.to_owned(), label.to_owned())
}
