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
use crate::lps_service::{self, LpsService};
use crate::ports::Ports;
use crate::second_issuer::{Also, Second};

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
    lps: LpsService,
}

/// How a sandbox is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    pub(crate) data: PathBuf,
    pub(crate) domain: Option<String>,
    pub(crate) renumber: bool,
    /// Another Pro Santé Connect whose tokens are accepted too.
    pub(crate) also: Option<Also>,
    /// Where the directory's extractions are, to be looked at each day.
    pub(crate) fresh: Option<annuaire::Refresh>,
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
        let db = Db::open_sqlite(&data.path.join("vaguemestre.sqlite")).await?;
        let journal = Journal::open(&db, clock.clone()).await?;
        psc_config.journal = Some(journal.clone());
        let psc = tokio::task::spawn_blocking(move || Psc::open(psc_config));
        let store = MailStore::open(&db, clock.clone()).await?;
        let lab = Arc::new(lab.await.map_err(std::io::Error::other)??);
        let psc = psc
            .await
            .map_err(std::io::Error::other)?
            .map_err(|error| std::io::Error::other(error.to_string()))?;
        trust_lab(&psc, &lab, &clock);
        let second = match &wish.also {
            Some(also) => Some(Second::open(also, &data.path).await?),
            None => None,
        };
        let mut tokens = PscTokens::new(psc.clone(), clock.clone());
        if let Some(second) = &second {
            tokens = tokens.and(second.issuer.clone());
        }
        if wish.renumber {
            forget_certificates(&data.path);
        }

        let operator = Operator::open(operator::Parts {
            db: db.clone(),
            store: store.clone(),
            journal: journal.clone(),
            lab: Arc::clone(&lab),
            tokens: Arc::new(tokens),
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
        let fresh = wish.fresh.map(|sources| keep_fresh(directory.clone(), sources, stop.clone()));
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
        tasks.push(tokio::spawn(throw_old_evidence_away(bench.clone(), stop.clone())));
        tasks.extend(fresh.map(tokio::spawn));
        tasks.extend(second.map(|second| tokio::spawn(second.stay_fresh(stop))));
        let lps = LpsService::start(lps_wish(&data.path, &ports, &up, &lab), listeners.lps).await?;
        data.publish(&up)?;
        Ok(Self { bench, up, data, db, shutdown, tasks, lps })
    }

    /// Stops every service, lets what is being written be written, and closes the database.
    pub(crate) async fn stop(self) {
        self.data.unpublish();
        // The connector first: it says goodbye to servers that still answer.
        self.lps.stop().await;
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
    let (crl_lab, crl_psc, crl_stop) = (Arc::clone(lab), psc.clone(), stop.clone());
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
        tokio::spawn(keep_crls_fresh(crl_lab, crl_psc, crl_stop)),
    ]
}

/// Clients' servers are told of logouts over TLS where their certificate is of the lab, and not revoked.
fn trust_lab(psc: &Psc, lab: &Lab, clock: &Clock) {
    let crls: Vec<Vec<u8>> = lab.crls().into_iter().map(|(_, der)| der).collect();
    let trust = tls::ClientTrust::new(lab.ca_pem(), &crls).and_then(|trust| trust.with_clock(clock).config());
    let trusted = trust.map_err(|error| error.to_string());
    let done = trusted.and_then(|tls| psc.set_outgoing(&tls).map_err(|error| error.to_string()));
    if let Err(error) = done {
        tracing::error!("clients' servers cannot be told of logouts over TLS: {error}");
    }
}

async fn keep_crls_fresh(lab: Arc<Lab>, psc: Psc, mut stop: watch::Receiver<bool>) {
    let hour = Duration::from_secs(3_600);
    while tokio::time::timeout(hour, stop.wait_for(|stopped| *stopped)).await.is_err() {
        if let Err(error) = lab.refresh() {
            tracing::error!("the CRLs could not be renewed: {error}");
        }
        trust_lab(&psc, &lab, &Clock::system());
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

async fn keep_fresh(
    directory: annuaire::Directory,
    sources: annuaire::Refresh,
    mut stop: watch::Receiver<bool>,
) {
    tokio::select! {
        () = directory.keep_fresh(sources) => {}
        _ = stop.wait_for(|stopped| *stopped) => {}
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
        "lps": format!("http://127.0.0.1:{}", ports.lps),
    })
}

/// The LPS side of this sandbox: it trusts the lab alone, and asks its DNS.
fn lps_wish(data: &Path, ports: &Ports, up: &Value, lab: &Lab) -> lps_service::Wish {
    let clock = Clock::system();
    let crls = serde_json::from_value(up["crl_urls"].clone()).unwrap_or_default();
    let resolver = lps::Resolver::new((Ipv4Addr::LOCALHOST, ports.dns).into());
    lps_service::Wish {
        data: data.to_owned(),
        practices: Vec::new(),
        engine: lps::engine::Settings::new(lab.ca_pem().to_owned(), crls, data, clock.clone(), resolver),
        clock,
        world: ins::World::Sandbox,
    }
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::body::Bytes;
    use axum::routing::post;
    use kernel::Secret;
    use psc::{ClientRegistration, Identity};
    use tokio::sync::mpsc;

    use super::*;
    use crate::cli::PortChoice;

    const DOCTOR: &str = "899700000018";

    #[tokio::test(flavor = "multi_thread")]
    async fn a_logout_is_told_to_a_client_over_tls_and_to_nobody_with_a_strangers_certificate() {
        let dir = tempfile::tempdir().unwrap();
        let wish =
            Wish { data: dir.path().join("data"), domain: None, renumber: false, also: None, fresh: None };
        let sandbox = Sandbox::start(wish, |data| Ports::open(data, Some(PortChoice::Auto), false, None))
            .await
            .unwrap();
        let parts = sandbox.bench.parts();
        let psc = &parts.psc;
        psc.add_identity(Identity::test(DOCTOR));

        let foreign = tempfile::tempdir().unwrap();
        let names = LabNames { domains: vec!["other.test".into()], crl_base: "http://127.0.0.1:1".into() };
        let stranger = Lab::open(&foreign.path().join("pki"), &names, &parts.clock).unwrap();
        let (told, mut heard) = mpsc::unbounded_channel::<(&'static str, Bytes)>();
        let told = Arc::new(told);
        let (_stop, stopped) = watch::channel(false);
        for (name, tls) in [("stranger", stranger.acceptor().https()), ("told", parts.lab.acceptor().https())]
        {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = format!("https://localhost:{}/bye", listener.local_addr().unwrap().port());
            let told = Arc::clone(&told);
            let receive = move |body: Bytes| async move { told.send((name, body)).unwrap() };
            let router = axum::Router::new().route("/bye", post(receive));
            tokio::spawn(web::serve_https(listener, router, tls, stopped.clone()));
            let client = ClientRegistration::new(name, Secret::new("x".into()), [""; 0]);
            let client = ClientRegistration { backchannel_logout_uri: Some(address), ..client };
            psc.register_client(client).unwrap();
            let set = psc.issue_tokens(DOCTOR, name, None).unwrap();
            assert_eq!(psc.log_out(&set.sid), 1);
        }
        let (name, body) =
            tokio::time::timeout(Duration::from_secs(10), heard.recv()).await.unwrap().unwrap();
        let form = oidc::Form::parse(&body).unwrap();
        let token = form.get("logout_token").unwrap();
        assert_eq!(name, "told");
        assert!(psc.verifier().logout_token(token, "told", psc.now()).is_ok());
        let refused =
            |log: Vec<psc::ClientEvent>| log.iter().any(|event| !event.good && event.text.contains("logout"));
        let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
        while !refused(psc.client_log("stranger")) {
            assert!(tokio::time::Instant::now() < deadline, "{:?}", psc.client_log("stranger"));
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        sandbox.stop().await;
    }
}
