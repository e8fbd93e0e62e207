//! A whole sandbox in a directory of its own, on free ports, without the pages.

use std::net::Ipv4Addr;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bench::{Addresses, Bench, NewProduct, Product};
use db::{Db, Insert};
use journal::Journal;
use kernel::{Clock, Limits, Timing};
use mailstore::MailStore;
use operator::{Kind, Listener, Operator, PscTokens};
use psc::{Psc, PscConfig};
use serde_json::json;
use tls::LabNames;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tracing_subscriber::layer::{Context, SubscriberExt as _};

/// The domain of every mailbox of the tests.
pub(crate) const DOMAIN: &str = "mail-tests-editeur.lab";

pub(crate) struct Lab {
    pub(crate) bench: Bench,
    pub(crate) db: Db,
    pub(crate) psc: Psc,
    pub(crate) operator: Operator,
    pub(crate) pki: Arc<tls::Lab>,
    pub(crate) data: PathBuf,
    pub(crate) imap: u16,
    pub(crate) smtp: u16,
    pub(crate) dns: Arc<dns::Server>,
    shutdown: watch::Sender<bool>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
    errors: Arc<AtomicUsize>,
    _trap: tracing::subscriber::DefaultGuard,
    _temp: tempfile::TempDir,
}

impl Lab {
    pub(crate) async fn new() -> Self {
        let errors = Arc::new(AtomicUsize::new(0));
        let subscriber = tracing_subscriber::registry()
            .with(Trap(errors.clone()))
            .with(tracing_subscriber::fmt::layer().with_test_writer());
        let trap = tracing::subscriber::set_default(subscriber);
        let temp = tempfile::tempdir().unwrap();
        let data = temp.path().to_owned();
        let (clock, timing, limits) = (Clock::system(), Timing::real(), Limits::default());
        let mut listeners = Vec::new();
        let mut ports = Vec::new();
        for _ in 0..6 {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
            ports.push(listener.local_addr().unwrap().port());
            listeners.push(listener);
        }
        let [imap, imaps, smtp, smtps, psc_port, pki_port] = ports[..] else { unreachable!() };
        let base = format!("http://127.0.0.1:{pki_port}");
        prepare_keys(&data, &clock);
        let names = LabNames { domains: vec![DOMAIN.into()], crl_base: base.clone() };
        let pki = Arc::new(tls::Lab::open(&data.join("pki"), &names, &clock).unwrap());
        let issuer = format!("https://localhost:{psc_port}/auth/realms/esante-wallet");
        let mut config = PscConfig::new(data.join("psc"), clock.clone());
        config.issuer = issuer.clone();
        let psc = Psc::open(config).unwrap();
        let db = Db::open_sqlite(&data.join("vaguemestre.sqlite")).await.unwrap();
        let journal = Journal::open(&db, clock.clone()).await.unwrap();
        let store = MailStore::open(&db, clock.clone()).await.unwrap();
        let operator = Operator::open(operator::Parts {
            db: db.clone(),
            store,
            journal: journal.clone(),
            lab: Arc::clone(&pki),
            tokens: Arc::new(PscTokens::new(psc.clone(), clock.clone())),
            domain: DOMAIN.into(),
            clock: clock.clone(),
            timing: timing.clone(),
            limits: limits.clone(),
        })
        .await
        .unwrap();
        let zone = dns::Zone::sandbox(&dns::Sandbox {
            domain: DOMAIN.into(),
            mail_domains: vec![DOMAIN.into()],
            ports: dns::MailPorts { imap, imaps, submission: smtp, submissions: smtps },
            addresses: vec![Ipv4Addr::LOCALHOST.into()],
        });
        let names = Arc::new(dns::Server::new(zone.unwrap()));
        let (dns_udp, dns_tcp) = dns::bind((Ipv4Addr::LOCALHOST, 0).into()).await.unwrap();
        let dns_port = dns_udp.local_addr().unwrap().port();
        let bench = Bench::open(bench::Parts {
            db: db.clone(),
            journal,
            operator: operator.clone(),
            psc: psc.clone(),
            lab: Arc::clone(&pki),
            data: data.clone(),
            addresses: Addresses {
                server: "http://127.0.0.1:8800".into(),
                ca_file: data.join("ca.pem"),
                crl_urls: pki.crls().into_iter().map(|(name, _)| format!("{base}/CRL/{name}")).collect(),
                psc: json!({"issuer": issuer, "discovery": format!("{issuer}/.well-known/openid-configuration")}),
                imap: json!({"host": "localhost", "starttls": imap, "tls": imaps}),
                smtp: json!({"host": "localhost", "starttls": smtp, "tls": smtps}),
                dns: json!({"host": "127.0.0.1", "port": dns_port}),
            },
            clock,
            timing,
            limits,
        })
        .await
        .unwrap();
        let (shutdown, stop) = watch::channel(false);
        let mut listeners = listeners.into_iter();
        let mut next = || listeners.next().unwrap();
        let mut tasks = vec![tokio::spawn(dns::serve(dns_udp, dns_tcp, Arc::clone(&names), stop.clone()))];
        for which in [Listener::Imap, Listener::Imaps, Listener::Submission, Listener::Submissions] {
            tasks.push(operator.serve(next(), which, None, stop.clone()));
        }
        let tls = pki.acceptor().https();
        tasks.push(tokio::spawn(web::serve_https(next(), psc.realm(), tls, stop.clone())));
        let router = operator::pki_router(Arc::clone(&pki));
        tasks.push(tokio::spawn(web::serve_http(next(), router, stop)));
        Self {
            bench,
            db,
            psc,
            operator,
            pki,
            data,
            imap,
            smtp,
            dns: names,
            shutdown,
            tasks,
            errors,
            _trap: trap,
            _temp: temp,
        }
    }

    /// Registers a product with these identifiers.
    pub(crate) async fn product(&self, nil: &str, psc_id: &str, app_id: &str) -> Product {
        self.bench.add_product(new_product(nil, psc_id, app_id)).await.unwrap()
    }

    /// Stops every service: from now on nothing listens.
    pub(crate) async fn stop_services(&mut self) {
        self.shutdown.send_replace(true);
        for task in self.tasks.drain(..) {
            task.await.unwrap();
        }
    }

    /// Writes runs down as if they had been made.
    pub(crate) async fn insert_runs(&self, rows: Vec<Row>) {
        static RUN: Insert = Insert::new(
            "INSERT INTO run (number, campaign, nil, job, verdict, reason, created_us, started_us, duration_ms, identity, driver, timer_s)",
            12,
        );
        self.db
            .write(move |tx| {
                let rows = rows.clone();
                Box::pin(async move {
                    RUN.run(tx, &rows, |values, row| {
                        values
                            .int(row.number)
                            .int(row.campaign)
                            .text(row.nil)
                            .text(row.job)
                            .opt_text(row.verdict)
                            .text("")
                            .int(row.created_us)
                            .int(row.created_us)
                            .int(5)
                            .text("899700000018")
                            .text(row.driver)
                            .int(row.timer_s)
                    })
                    .await
                })
            })
            .await
            .unwrap();
    }

    /// Writes a statement straight into the base.
    pub(crate) async fn execute(&self, sql: &'static str) {
        self.db
            .write(move |tx| {
                Box::pin(async move {
                    db::query(sql, db::Values::new()).execute(tx).await?;
                    Ok(())
                })
            })
            .await
            .unwrap();
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let errors = self.errors.load(Ordering::SeqCst);
        assert!(
            errors == 0 || std::thread::panicking(),
            "{errors} error(s) in the log: they are for our own faults"
        );
    }
}

/// A run as a test writes it down.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub(crate) number: i64,
    pub(crate) campaign: i64,
    pub(crate) nil: &'static str,
    pub(crate) job: &'static str,
    pub(crate) verdict: Option<&'static str>,
    pub(crate) created_us: i64,
    pub(crate) driver: &'static str,
    pub(crate) timer_s: i64,
}

impl Row {
    pub(crate) fn new(number: i64, job: &'static str, verdict: Option<&'static str>) -> Self {
        let created_us = Clock::system().now().as_microsecond();
        Self { number, campaign: 1, nil: "2621", job, verdict, created_us, driver: "person", timer_s: 120 }
    }
}

pub(crate) fn new_product(nil: &str, psc_id: &str, app_id: &str) -> NewProduct {
    NewProduct {
        nil: nil.into(),
        name: format!("Produit {nil}"),
        version: Some("1.0".into()),
        kind: Kind::Per,
        psc_identity: psc_id.into(),
        app_identity: app_id.into(),
        course: String::new(),
        procedure: String::new(),
        status: String::new(),
    }
}

/// Keys take a second or so to make: made once for all tests, and copied.
fn prepare_keys(data: &Path, clock: &Clock) {
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join("desk-keys");
    std::fs::create_dir_all(&kept).unwrap();
    let guard = std::fs::File::create(kept.join("lock")).unwrap();
    guard.lock().unwrap();
    let names = LabNames { domains: Vec::new(), crl_base: "http://127.0.0.1:9".into() };
    drop(tls::Lab::open(&kept.join("pki"), &names, clock).unwrap());
    drop(Psc::open(PscConfig::new(kept.join("psc"), clock.clone())).unwrap());
    for folder in ["pki", "psc"] {
        let own = data.join(folder);
        std::fs::DirBuilder::new().mode(0o700).create(&own).unwrap();
        for entry in std::fs::read_dir(kept.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            std::fs::copy(&path, own.join(path.file_name().unwrap())).unwrap();
        }
    }
}

/// Counts error logs: they are for our own faults, so a test that meets one fails.
struct Trap(Arc<AtomicUsize>);

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Trap {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        if *event.metadata().level() == tracing::Level::ERROR {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
}
