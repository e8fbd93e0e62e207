use std::path::Path;

use bench::{Code, Error};
use i18n::{Arg, Lang, text, text_with};
use serde_json::Value;
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::{Cli, Up};
use crate::data::default_path;
use crate::output;
use crate::ports::Ports;
use crate::sandbox::{Sandbox, Wish};
use crate::second_issuer::Also;

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
        also: arguments
            .also_issuer
            .clone()
            .zip(arguments.also_jwks.clone())
            .map(|(issuer, jwks)| Also { issuer, jwks }),
        fresh: fresh(arguments)?,
    };
    let ports = |data: &Path| Ports::open(data, arguments.ports, arguments.renumber, arguments.dns_port);
    let sandbox = Sandbox::start(wish, ports).await?;
    if cli.json {
        output::json(&sandbox.up);
    } else {
        output::say!("{}", text(cli.lang(), "cli-up-ready"));
        addresses(cli.lang(), &sandbox.up);
        resolvers(cli.lang(), &sandbox.up["dns"]);
        output::say!("{}", text(cli.lang(), "cli-up-stop"));
    }
    ends.wait().await;
    sandbox.stop().await;
    Ok(0)
}

/// Where the directory comes from; `None` where nobody said.
fn fresh(arguments: &Up) -> Result<Option<annuaire::Refresh>, Error> {
    if arguments.directory_url.is_empty() {
        return Ok(None);
    }
    let roots = match &arguments.directory_ca {
        Some(file) => Some(std::fs::read(file).map_err(|error| {
            let next = "Give a file of certificates in PEM.";
            Error::new(Code::BadInput, format!("{}: {error}", file.display()), next).field("directory_ca")
        })?),
        None => None,
    };
    Ok(Some(annuaire::Refresh { roots, ..annuaire::Refresh::daily(arguments.directory_url.clone()) }))
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
    output::say!("  {:<20} {}:{}", "DNS", word(&up["dns"]["host"]), up["dns"]["port"]);
    output::say!("  {:<20} {}", text(lang, "nav-directory"), word(&up["directory"]));
    output::say!("  {:<20} {}", "LPS", word(&up["lps"]));
    output::say!("  {:<20} {}", text(lang, "cli-up-ca"), word(&up["ca_file"]));
}

/// For each kind of system, the line that sends the sandbox's domain to our DNS.
fn resolvers(lang: Lang, dns: &Value) {
    let (Some(host), Some(port)) = (dns["host"].as_str(), dns["port"].as_u64()) else { return };
    let only_53 = if port == 53 { String::new() } else { text(lang, "cli-up-dns-53") };
    for domain in dns["domains"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        output::say!("");
        output::say!("{}", text_with(lang, "cli-up-dns", &[("domain", Arg::Text(domain))]));
        // Not `resolvectl dns lo`: systemd-resolved refuses a server on its loopback link, and takes one in its own settings.
        output::say!(
            "  {:<20} sudo mkdir -p /etc/systemd/resolved.conf.d && printf '[Resolve]\\nDNS={host}:{port}\\nDomains=~{domain}\\n' | sudo tee /etc/systemd/resolved.conf.d/vaguemestre.conf && sudo systemctl restart systemd-resolved",
            "systemd-resolved"
        );
        output::say!("  {:<20} server=/{domain}/{host}#{port}", "dnsmasq");
        output::say!(
            "  {:<20} sudo mkdir -p /etc/resolver && printf 'nameserver {host}\\nport {port}\\n' | sudo tee /etc/resolver/{domain}",
            "macOS"
        );
        output::say!(
            "  {:<20} Add-DnsClientNrptRule -Namespace \".{domain}\" -NameServers \"{host}\"{only_53}",
            "Windows"
        );
        output::say!(
            "  {:<20} docker run --network host --dns {host} …{only_53}",
            text(lang, "cli-up-dns-container")
        );
    }
    output::say!("");
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
