//! The assembly: every service of the sandbox, on its ports, over one data directory.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bench::{Addresses, Bench, Code, Error};
use db::Db;
use journal::Journal;
use kernel::{Clock, Limits, Timing};
use mailstore::MailStore;
use operator::{Listener, Operator, PscTokens};
use psc::{Psc, PscConfig};
use serde_json::{Value, json};
use tls::{Lab, LabNames};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::data::{DataDir, Settings};
use crate::ports::Ports;

/// Mailboxes of the directory's sandbox.
const MAILBOXES: u64 = 1_000;

/// The seed of its people.
const SEED: u64 = 8;

/// A sandbox that answers on all its ports.
pub(crate) struct Sandbox {
    /// The bench.
    pub(crate) bench: Bench,
    /// The object of `up`.
    pub(crate) up: Value,
    data: DataDir,
    db: Db,
    shutdown: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

/// How a sandbox is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    pub(crate) data: PathBuf,
    pub(crate) domain: Option<String>,
    pub(crate) renumber: bool,
}

impl Sandbox {
    /// Opens everything; when this returns, every listener accepts.
    pub(crate) async fn start(
        wish: Wish,
        ports: impl FnOnce(&Path) -> Result<Ports, Error>,
    ) -> Result<Self, Error> {
        let data = DataDir::open(&wish.data)?;
        let settings = Settings::open(&data.path, wish.domain.as_deref())?;
        let ports = ports(&data.path)?;
        let listeners = ports.bind().await?;
        let (clock, timing, limits) = (Clock::system(), Timing::real(), Limits::default());

        // The lab's keys take the longest at a first start: made beside the database.
        let names = LabNames {
            domains: vec![settings.domain.clone(), settings.mail_domain()],
            crl_base: format!("http://127.0.0.1:{}", ports.pki),
        };
        let (lab_dir, lab_clock) = (data.path.join("pki"), clock.clone());
        let lab = tokio::task::spawn_blocking(move || Lab::open(&lab_dir, &names, &lab_clock));
        let mut psc_config = PscConfig::new(data.path.join("psc"), clock.clone());
        psc_config.issuer = format!("https://localhost:{}/auth/realms/esante-wallet", ports.psc);
        psc_config.wallet_base = format!("http://127.0.0.1:{}", ports.wallet);
        psc_config.timing = timing.clone();
        let psc = tokio::task::spawn_blocking(move || Psc::open(psc_config));
        let db = Db::open_sqlite(&data.path.join("vaguemestre.sqlite")).await?;
        let journal = Journal::open(&db, clock.clone()).await?;
        let store = MailStore::open(&db, clock.clone()).await?;
        let lab = Arc::new(lab.await.map_err(std::io::Error::other)??);
        let psc = psc
            .await
            .map_err(std::io::Error::other)?
            .map_err(|error| std::io::Error::other(error.to_string()))?;
        if wish.renumber {
            forget_certificates(&data.path);
        }

        let operator = Operator::open(operator::Parts {
            db: db.clone(),
            store: store.clone(),
            journal: journal.clone(),
            lab: Arc::clone(&lab),
            tokens: Arc::new(PscTokens::new(psc.clone(), clock.clone())),
            domain: settings.mail_domain(),
            clock: clock.clone(),
            timing: timing.clone(),
            limits: limits.clone(),
        })
        .await?;
        let api = directory_api(&ports, &journal, &clock, &timing);
        let zone = zone(&settings, &ports)?;
        let up = describe(&data.path, &ports, &lab, &zone);
        let dns = Arc::new(dns::Server::new(zone).with_journal(journal.clone(), None));
        write_ca(&data.path, &lab)?;
        let key = data.api_key()?;
        let annuaire_clock = clock.clone();
        let bench = Bench::open(bench::Parts {
            db: db.clone(),
            journal,
            operator: operator.clone(),
            psc: psc.clone(),
            lab: Arc::clone(&lab),
            data: data.path.clone(),
            addresses: Addresses {
                server: format!("http://127.0.0.1:{}", ports.bench),
                ca_file: data.path.join("ca.pem"),
                crl_urls: serde_json::from_value(up["crl_urls"].clone()).unwrap_or_default(),
                psc: up["psc"].clone(),
                imap: up["imap"].clone(),
                smtp: up["smtp"].clone(),
                dns: up["dns"].clone(),
            },
            clock,
            timing,
            limits,
        })
        .await?;

        let directory = directory(&data.path, annuaire_clock);
        let (shutdown, stop) = watch::channel(false);
        let face = bench_web::Face::new(bench.clone(), key).with_directory(directory);
        let mail = settings.mail_domain();
        let autoconfig = operator::autoconfig_router(operator::Autoconfig {
            imap_host: format!("imap.{mail}"),
            smtp_host: format!("smtp.{mail}"),
            domain: mail,
            imap: ports.imap,
            imaps: ports.imaps,
            submission: ports.smtp,
            submissions: ports.smtps,
        });
        let faces = [face.router(ports.bench), api.router(), autoconfig];
        let mut tasks = serve(listeners.tcp, &stop, &operator, &psc, &lab, faces);
        let (dns_udp, dns_tcp) = listeners.dns;
        tasks.push(tokio::spawn(dns::serve(dns_udp, dns_tcp, dns, stop.clone())));
        tasks.push(tokio::spawn(throw_old_evidence_away(bench.clone(), stop)));
        data.publish(&up)?;
        Ok(Self { bench, up, data, db, shutdown, tasks })
    }

    /// Stops every service, lets what is being written be written, and closes the database.
    pub(crate) async fn stop(self) {
        self.data.unpublish();
        self.bench.stop().await;
        let _ = self.shutdown.send(true);
        let all = async {
            for task in self.tasks {
                let _ = task.await;
            }
        };
        if tokio::time::timeout(Duration::from_secs(5), all).await.is_err() {
            tracing::warn!("some connections did not end in time and were cut");
        }
        self.db.close().await;
    }
}

fn serve(
    listeners: Vec<TcpListener>,
    stop: &watch::Receiver<bool>,
    operator: &Operator,
    psc: &Psc,
    lab: &Arc<Lab>,
    [face, api, autoconfig]: [axum::Router; 3],
) -> Vec<JoinHandle<()>> {
    let [bench, psc_https, pki, wallet, imap, imaps, smtp, smtps, directory]: [TcpListener; 9] =
        listeners.try_into().expect("Ports::bind gives one listener a port");
    let wallet_port = wallet.local_addr().map_or(0, |address| address.port());
    let crl_lab = Arc::clone(lab);
    let crl_stop = stop.clone();
    // Every question about revocation is a fact; and who looks for the autoconfiguration of Thunderbird finds it here.
    let asked = |extensions: &axum::http::Extensions| {
        extensions.get::<web::Peer>().map(|peer| (peer.address, peer.port))
    };
    let revocation = operator::pki_router_with_journal(Arc::clone(lab), operator.journal().clone(), asked)
        .merge(autoconfig);
    let psc_tls = lab.acceptor().https_with_clients().unwrap_or_else(|error| {
        tracing::error!(%error, "PSC takes no client certificates");
        lab.acceptor().https()
    });
    vec![
        tokio::spawn(web::serve_http(bench, face, stop.clone())),
        tokio::spawn(web::serve_https(psc_https, psc.realm(), psc_tls, stop.clone())),
        tokio::spawn(web::serve_http(pki, revocation, stop.clone())),
        tokio::spawn(web::serve_http(wallet, psc.wallet(wallet_port), stop.clone())),
        operator.serve(imap, Listener::Imap, None, stop.clone()),
        operator.serve(imaps, Listener::Imaps, None, stop.clone()),
        operator.serve(smtp, Listener::Submission, None, stop.clone()),
        operator.serve(smtps, Listener::Submissions, None, stop.clone()),
        tokio::spawn(web::serve_http(directory, api, stop.clone())),
        tokio::spawn(keep_crls_fresh(crl_lab, crl_stop)),
    ]
}

async fn keep_crls_fresh(lab: Arc<Lab>, mut stop: watch::Receiver<bool>) {
    let hour = Duration::from_secs(3_600);
    while tokio::time::timeout(hour, stop.wait_for(|stopped| *stopped)).await.is_err() {
        if let Err(error) = lab.refresh() {
            tracing::error!("the CRLs could not be renewed: {error}");
        }
    }
}

/// Once a day: the settings say for how long evidence is kept.
async fn throw_old_evidence_away(bench: Bench, mut stop: watch::Receiver<bool>) {
    let day = Duration::from_secs(24 * 3_600);
    while tokio::time::timeout(day, stop.wait_for(|stopped| *stopped)).await.is_err() {
        if let Err(error) = bench.purge().await {
            tracing::error!("old evidence could not be thrown away: {error}");
        }
    }
}

/// The State's directory as a sandbox, with people that a seed invented: the same at each start.
fn directory_api(ports: &Ports, journal: &Journal, clock: &Clock, timing: &Timing) -> fhird::Sandbox {
    let api = fhird::Sandbox::new(fhird::Settings {
        base: directory_base(ports),
        clock: clock.clone(),
        timing: timing.clone(),
        journal: Some(journal.clone()),
    });
    api.fill(annuaire::synth::People::new(SEED).rows(MAILBOXES).map(Into::into));
    api
}

fn directory_base(ports: &Ports) -> String {
    format!("http://127.0.0.1:{}{}", ports.directory, fhird::PATH)
}

/// The base of this machine. One that cannot be read stays closed and its page says so: it must not keep the bench from starting.
fn directory(data: &Path, clock: Clock) -> annuaire::Directory {
    let dir = data.join("annuaire");
    annuaire::Directory::open(&dir, clock.clone()).unwrap_or_else(|error| {
        tracing::warn!(%error, "the directory cannot be searched");
        annuaire::Directory::without_base(&dir, clock)
    })
}

/// The servers of the sandbox by their names. Only the address that they listen on: see [`Ports::bind`].
fn zone(settings: &Settings, ports: &Ports) -> Result<dns::Zone, Error> {
    let plan = dns::Sandbox {
        domain: settings.domain.clone(),
        mail_domains: vec![settings.mail_domain()],
        ports: dns::MailPorts {
            imap: ports.imap,
            imaps: ports.imaps,
            submission: ports.smtp,
            submissions: ports.smtps,
        },
        addresses: vec![Ipv4Addr::LOCALHOST.into()],
    };
    dns::Zone::sandbox(&plan).map_err(|error| {
        let next =
            "Correct settings.json of the data directory, or remove it to go back to the default domain.";
        Error::new(Code::BadInput, error.to_string(), next).field("domain")
    })
}

fn describe(data: &Path, ports: &Ports, lab: &Lab, zone: &dns::Zone) -> Value {
    let pki = format!("http://127.0.0.1:{}", ports.pki);
    let crls: Vec<String> = lab.crls().into_iter().map(|(name, _)| format!("{pki}/CRL/{name}")).collect();
    let issuer = format!("https://localhost:{}/auth/realms/esante-wallet", ports.psc);
    json!({
        "schema": "vaguemestre/up/1",
        "version": env!("CARGO_PKG_VERSION"),
        "pid": std::process::id(),
        "data": data,
        "server": format!("http://127.0.0.1:{}", ports.bench),
        "api_key_file": data.join("run/api-key"),
        "ca_file": data.join("ca.pem"),
        "crl_urls": crls,
        "psc": {
            "issuer": issuer,
            "discovery": format!("{issuer}/.well-known/openid-configuration"),
            "wallet_discovery": format!("{issuer}/.well-known/wallet-openid-configuration"),
        },
        "imap": {"host": "localhost", "starttls": ports.imap, "tls": ports.imaps},
        "smtp": {"host": "localhost", "starttls": ports.smtp, "tls": ports.smtps},
        "dns": {"host": "127.0.0.1", "port": ports.dns, "domains": zone.origins()},
        "directory": directory_base(ports),
        "pki": pki,
        "lps": null,
    })
}

fn write_ca(data: &Path, lab: &Lab) -> std::io::Result<()> {
    let path = data.join("ca.pem");
    if std::fs::read_to_string(&path).is_ok_and(|kept| kept == lab.ca_pem()) {
        return Ok(());
    }
    bench::write_private(&path, lab.ca_pem().as_bytes())
}

/// Certificates that carry the old ports' URLs are signed again, on the same keys, when the bench opens.
fn forget_certificates(data: &Path) {
    let Ok(products) = std::fs::read_dir(data.join("products")) else { return };
    for product in products.flatten() {
        let _ = std::fs::remove_file(product.path().join("auth_cli.pem"));
    }
}
