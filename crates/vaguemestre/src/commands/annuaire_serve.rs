use std::net::{Ipv4Addr, SocketAddr};

use bench::{Code, Error};
use clap::Args;
use i18n::{text, text_with};
use kernel::{Clock, Timing};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::up::Ends;
use crate::cli::Cli;
use crate::output;

/// The directory's API alone.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Port of this machine; 0 takes a free one
    #[arg(long, default_value_t = 8803, value_name = "N")]
    port: u16,
    /// Mailboxes of invented people
    #[arg(long, default_value_t = 1_000, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=100_000))]
    rows: u64,
    /// Who is invented: the same seed, the same people
    #[arg(long, default_value_t = 8, value_name = "N")]
    seed: u64,
    /// What goes wrong with the first requests, `NAME` or `NAME=TIMES` (once where nothing is said); repeatable
    #[arg(long, value_name = "FAULT")]
    fault: Vec<String>,
}

/// `vaguemestre annuaire serve`: until SIGTERM or Ctrl-C.
pub(crate) async fn run(cli: &Cli, arguments: &Serve) -> Result<u8, Error> {
    let faults = arguments.fault.iter().map(|text| fault(text)).collect::<Result<Vec<_>, _>>()?;
    let mut ends = Ends::listen()?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, arguments.port));
    let listener = TcpListener::bind(address).await.map_err(|error| {
        let next = "Stop its holder, or pick another port with --port N.";
        Error::new(Code::PortInUse, format!("port {} cannot be opened: {error}", arguments.port), next)
            .field("port")
    })?;
    let base = format!("http://{}{}", listener.local_addr()?, fhird::PATH);
    let sandbox = fhird::Sandbox::new(fhird::Settings {
        base: base.clone(),
        clock: Clock::system(),
        timing: Timing::real(),
        journal: None,
    });
    sandbox.fill(annuaire::synth::People::new(arguments.seed).rows(arguments.rows).map(Into::into));
    let _armed: Vec<_> = faults.into_iter().map(|(fault, times)| sandbox.arm(fault, times)).collect();
    let (stop, stopped) = watch::channel(false);
    let serving = tokio::spawn(web::serve_http(listener, sandbox.router(), stopped));
    if cli.json {
        output::json(
            &json!({"schema": "vaguemestre/annuaire-serve/1", "directory": base, "rows": arguments.rows,
            "seed": arguments.seed, "pid": std::process::id()}),
        );
    } else {
        output::say!(
            "{}",
            text_with(cli.lang(), "directory-serve-ready", &[("address", base.as_str().into())])
        );
        output::say!("{}", text(cli.lang(), "cli-up-stop"));
    }
    ends.wait().await;
    let _ = stop.send(true);
    let _ = serving.await;
    Ok(0)
}

fn fault(text: &str) -> Result<(fhird::Fault, u32), Error> {
    let (name, times) = text.split_once('=').unwrap_or((text, "1"));
    let wrong =
        |message: String| Error::new(Code::BadInput, message, "For instance: --fault slow=3.").field("fault");
    let fault = name.parse::<fhird::Fault>().map_err(|error| wrong(error.to_string()))?;
    let times = times.parse().map_err(|_| wrong(format!("{times:?} is no number of times")))?;
    Ok((fault, times))
}
