//! The bench: products, scenarios, executions, verdicts, proofs.
//!
//! It judges any client, so it knows none: `lps` goes through the same adapter protocol as everybody. A window is
//! opened ([`Bench::start`]), what belongs to the run is told from strangers' traffic by its marks, and a pure judge
//! ([`judge`](judge::judge)) says the verdict. Every verdict can be replayed from its proof.

pub mod adapter;
pub mod desk;
mod drive;
mod error;
pub mod judge;
pub mod log;
mod lookup;
mod names;
mod offer;
mod person;
pub mod posteriori;
mod product;
pub mod proof;
mod props;
mod queue;
mod runs;
pub mod scenario;
mod window;

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use db::Db;
use journal::Journal;
use kernel::{Clock, Limits, Timestamp, Timing};
use operator::{Kind, Operator};
use psc::{ClientRegistration, Identity, Psc, TokenSet, TokenWish};
use serde_json::{Value, json};
use sqlx::Row as _;
use tls::Lab;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

pub use error::{Code, Error};
pub use product::{Files, NewProduct, Product, write_private};
pub use runs::{Campaign, Run};

use crate::adapter::Adapter;
use crate::judge::Verdict;
use crate::log::LogLine;
use crate::proof::{ProductFacts, RunEvidence, Signer};
use crate::queue::{Place, Queues};
use crate::scenario::{Automation, Catalogue, Scenario};
use crate::window::Order;

/// What a bench is made of.
#[derive(Clone)]
pub struct Parts {
    /// The database.
    pub db: Db,
    /// The journal of the servers.
    pub journal: Journal,
    /// The operator whose mailboxes are used.
    pub operator: Operator,
    /// The PSC that gives tokens.
    pub psc: Psc,
    /// The lab that issues certificates.
    pub lab: Arc<Lab>,
    /// The data directory.
    pub data: PathBuf,
    /// What an adapter is told.
    pub addresses: Addresses,
    /// The hour.
    pub clock: Clock,
    /// Announced durations.
    pub timing: Timing,
    /// Sizes and counts.
    pub limits: Limits,
}

/// What adapters and pages are told of the sandbox.
#[derive(Clone, Debug)]
pub struct Addresses {
    /// The bench's own URL.
    pub server: String,
    /// The lab's CA bundle.
    pub ca_file: PathBuf,
    /// Where its CRLs are.
    pub crl_urls: Vec<String>,
    /// The object `psc` of `up`.
    pub psc: Value,
    /// The object `imap` of `up`.
    pub imap: Value,
    /// The object `smtp` of `up`.
    pub smtp: Value,
    /// The object `dns` of `up`; `null` where there is none.
    pub dns: Value,
}

/// What to run.
#[derive(Clone, Debug)]
pub struct Request {
    /// The product.
    pub nil: String,
    /// A job, a group, or `all`.
    pub what: String,
    /// The program that drives the client; `None` where a person does.
    pub adapter: Option<Adapter>,
    /// How long to wait for a person; the timing table's window where `None`.
    pub timer: Option<Duration>,
    /// Whether to shorten announced durations.
    pub accelerated: bool,
    /// Whether to hand ready bytes to the client.
    pub canned: bool,
    /// The seed; drawn where `None`.
    pub seed: Option<u64>,
}

/// The bench; cheap to clone.
#[derive(Clone)]
pub struct Bench {
    shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) parts: Parts,
    catalogue: Catalogue,
    signer: Signer,
    queues: Arc<Queues>,
    /// Account of the mailbox that runs' own recipients lead to.
    pub(crate) sink: i64,
    live: Mutex<HashMap<i64, Live>>,
    cancelled: Mutex<HashSet<i64>>,
    stopping: AtomicBool,
    changed: watch::Sender<u64>,
    /// One registration at a time: each looks at the products that are there before it adds its own.
    registering: tokio::sync::Mutex<()>,
}

/// Where an unfinished run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Behind another run of the same mailbox.
    Queued {
        /// That run.
        behind: i64,
    },
    /// An adapter is at work.
    Running,
    /// A person must act.
    Waiting,
}

#[derive(Clone, Debug)]
struct Live {
    phase: Phase,
    head: Option<i64>,
    ends: Option<Timestamp>,
    done: usize,
    steps: usize,
    poke: Arc<Notify>,
}

/// An open window, as a page shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowState {
    /// When it closes if nothing happens; for an adapter, of its present step.
    pub ends: Timestamp,
    /// Steps already seen.
    pub done: usize,
    /// Steps in all.
    pub steps: usize,
}

/// A run with everything that a page or the API shows.
#[derive(Clone, Debug)]
pub struct RunView {
    /// The run.
    pub run: Run,
    /// Where it is, if it is not finished.
    pub phase: Option<Phase>,
    /// Its evidence, once judged.
    pub evidence: Option<RunEvidence>,
    /// Its log, once judged.
    pub log: Vec<LogLine>,
    /// Its address.
    pub url: String,
}

impl Bench {
    /// Opens the bench: tables, catalogue, signing key; products' mailboxes, identities and clients exist again when
    /// this returns.
    ///
    /// # Errors
    /// Where the data directory cannot be used, or a scenario file is wrong.
    pub async fn open(parts: Parts) -> Result<Self, Error> {
        let first = format!("{};\n{}", product::MIGRATION, runs::MIGRATION);
        let second = format!("{};\n{}", product::MIGRATION_2, runs::MIGRATION_2);
        parts.db.migrate("bench", &[&first, &second]).await?;
        runs::abort_unfinished(&parts.db).await?;
        // Folders of runs that a killed bench left behind: documents, certificates.
        let _ = std::fs::remove_dir_all(parts.data.join("work"));
        let catalogue = Catalogue::load()
            .map_err(|why| Error::new(Code::BadInput, why, "Correct the scenario file and build again."))?;
        let signer = Signer::open(&parts.data.join("proof.key"))?;
        let sink =
            parts.operator.store().create_account(&format!("banc@{}", parts.operator.domain())).await?.id;
        let shared = Arc::new(Shared {
            catalogue,
            signer,
            queues: Queues::new(),
            sink,
            live: Mutex::default(),
            cancelled: Mutex::default(),
            stopping: AtomicBool::new(false),
            changed: watch::Sender::new(0),
            registering: tokio::sync::Mutex::default(),
            parts,
        });
        for alias in props::standing_aliases(shared.parts.operator.domain()) {
            shared.parts.operator.add_alias(&alias, shared.sink);
        }
        let bench = Self { shared };
        for product in bench.products().await? {
            bench.equip(&product).await?;
        }
        bench.purge().await?;
        Ok(bench)
    }

    /// What the bench is made of.
    pub fn parts(&self) -> &Parts {
        &self.shared.parts
    }

    /// The jobs, in the order of the tree.
    pub fn catalogue(&self) -> &Catalogue {
        &self.shared.catalogue
    }

    /// The key that signs this bench's proofs.
    pub fn signer(&self) -> &Signer {
        &self.shared.signer
    }

    /// A counter that moves when a run starts or ends, or a product is saved.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.shared.changed.subscribe()
    }

    // --- Products ---

    /// Registers a product; its mailboxes, PSC identity and AUTH_CLI certificate exist when this returns.
    ///
    /// # Errors
    /// `bad_input`, `duplicate_nil` (same version again), `identity_in_use` (with the other product's name).
    pub async fn add_product(&self, new: NewProduct) -> Result<Product, Error> {
        new.validate()?;
        let _alone = self.shared.registering.lock().await;
        let known = self.products().await?;
        if let Some(old) = known.iter().find(|product| product.nil == new.nil) {
            return self.new_version(old.clone(), new).await;
        }
        desk::Owners::of(known.iter()).refuse_taken(&new)?;
        let domain = self.shared.parts.operator.domain();
        let product = Product {
            psc_address: format!("{}@{domain}", new.psc_identity.to_lowercase()),
            app_address: format!("{}@{domain}", new.app_identity.to_lowercase()),
            client_id: format!("lps-{}", new.nil),
            nil: new.nil,
            name: new.name,
            version: new.version,
            kind: new.kind,
            psc_identity: new.psc_identity,
            app_identity: new.app_identity,
            course: new.course,
            procedure: new.procedure,
            status: new.status,
            created: self.shared.parts.clock.now(),
        };
        self.equip(&product).await?;
        let (saved, now) = (product.clone(), product.created.as_microsecond());
        self.shared
            .parts
            .db
            .write(move |tx| {
                let product = saved.clone();
                Box::pin(async move {
                    sqlx::query(
                        "INSERT INTO product (nil, name, version, kind, psc_identity, app_identity, client_id, created_us, course, formality, status)
                         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
                    )
                    .bind(&product.nil)
                    .bind(&product.name)
                    .bind(&product.version)
                    .bind(product.kind.name())
                    .bind(&product.psc_identity)
                    .bind(&product.app_identity)
                    .bind(&product.client_id)
                    .bind(now)
                    .bind(&product.course)
                    .bind(&product.procedure)
                    .bind(&product.status)
                    .execute(&mut *tx)
                    .await?;
                    if let Some(version) = &product.version {
                        save_version(tx, &product.nil, version, now).await?;
                    }
                    Ok(())
                })
            })
            .await?;
        self.shared.touch();
        Ok(product)
    }

    async fn new_version(&self, mut old: Product, new: NewProduct) -> Result<Product, Error> {
        if old.psc_identity != new.psc_identity || old.app_identity != new.app_identity {
            let message = format!(
                "product {} is registered with the identifiers {} and {}",
                old.nil, old.psc_identity, old.app_identity
            );
            let next = "Give the same identifiers to add a version of this product.";
            return Err(Error::new(Code::DuplicateNil, message, next).field("nil"));
        }
        let Some(version) = new.version.filter(|version| Some(version) != old.version.as_ref()) else {
            let message =
                format!("product {} ({}) is already registered with this version", old.nil, old.name);
            let next = "Nothing to do, or give --product-version for a new version of it.";
            return Err(Error::new(Code::DuplicateNil, message, next)
                .field("nil")
                .detail(json!({"name": old.name})));
        };
        old.version = Some(version.clone());
        old.name = new.name;
        let (saved, now) = (old.clone(), self.shared.parts.clock.now().as_microsecond());
        self.shared
            .parts
            .db
            .write(move |tx| {
                let (product, version) = (saved.clone(), version.clone());
                Box::pin(async move {
                    sqlx::query("UPDATE product SET version = $2, name = $3 WHERE nil = $1")
                        .bind(&product.nil)
                        .bind(&version)
                        .bind(&product.name)
                        .execute(&mut *tx)
                        .await?;
                    save_version(tx, &product.nil, &version, now).await
                })
            })
            .await?;
        self.shared.touch();
        Ok(old)
    }

    /// Makes what a product needs and does not have yet; harmless when repeated.
    async fn equip(&self, product: &Product) -> Result<(), Error> {
        let parts = &self.shared.parts;
        parts.operator.add_mailbox(product.kind, &product.psc_identity).await?;
        parts.operator.add_mailbox(Kind::App, &product.app_identity).await?;
        let files = Files::of(&parts.data, &product.nil);
        if !files.key.exists() {
            let issued = parts.lab.issue_auth_cli(&product.app_identity, &product.name)?;
            write_private(&files.key, issued.key_pem.reveal().as_bytes())?;
            write_private(&files.certificate, issued.chain_pem.as_bytes())?;
        } else if !files.certificate.exists() {
            let issued =
                parts.lab.renew_auth_cli(&product.app_identity, &product.name, &files.read_key()?)?;
            write_private(&files.certificate, issued.chain_pem.as_bytes())?;
        }
        if !files.secret.exists() {
            write_private(&files.secret, format!("{}\n", kernel::random::id()).as_bytes())?;
        }
        parts.psc.add_identity(Identity::test(&product.psc_identity));
        let redirects =
            ["https://localhost/callback", "http://localhost/callback", "http://127.0.0.1/callback"];
        let client =
            ClientRegistration::new(&product.client_id, files.read_secret()?, redirects).named(&product.name);
        parts.psc.register_client(client).map_err(|error| {
            Error::new(
                Code::BadInput,
                format!("Pro Santé Connect refused the client: {error}"),
                "Look at the server's log.",
            )
        })
    }

    /// Every product, by number.
    ///
    /// # Errors
    /// Where the database cannot be read.
    pub async fn products(&self) -> Result<Vec<Product>, Error> {
        let parts = &self.shared.parts;
        let sql = "SELECT * FROM product ORDER BY nil";
        let rows = sqlx::query(sql).fetch_all(parts.db.reader()).await.map_err(db::Error::from)?;
        Ok(rows.iter().map(|row| Product::read(row, parts.operator.domain())).collect::<Result<_, _>>()?)
    }

    /// Every version that was ever declared for a product, oldest first.
    ///
    /// # Errors
    /// Where the database cannot be read.
    pub async fn versions(&self, nil: &str) -> Result<Vec<String>, Error> {
        let sql = "SELECT version FROM product_version WHERE nil = $1 ORDER BY seen_us, version";
        let rows = sqlx::query(sql)
            .bind(nil)
            .fetch_all(self.shared.parts.db.reader())
            .await
            .map_err(db::Error::from)?;
        Ok(rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>().map_err(db::Error::from)?)
    }

    /// One product.
    ///
    /// # Errors
    /// `unknown_product`, with what to type.
    pub async fn product(&self, nil: &str) -> Result<Product, Error> {
        let parts = &self.shared.parts;
        let row = sqlx::query("SELECT * FROM product WHERE nil = $1")
            .bind(nil)
            .fetch_optional(parts.db.reader())
            .await
            .map_err(db::Error::from)?;
        let Some(row) = row else {
            let next = "List the products with: vaguemestre account list. Register one with: vaguemestre account add.";
            return Err(Error::new(Code::UnknownProduct, format!("no product has the NIL {nil:?}"), next)
                .field("nil"));
        };
        Ok(Product::read(&row, parts.operator.domain())?)
    }

    /// Tokens for a script, of a person whose mailbox the sandbox knows.
    ///
    /// # Errors
    /// `unknown_product` where no product has this identity.
    pub async fn tokens(&self, identity: &str, accelerated: bool) -> Result<TokenSet, Error> {
        let product = self.products().await?.into_iter().find(|product| product.psc_identity == identity);
        let product = product.ok_or_else(|| {
            let next =
                "Give the PSC identifier of a registered product; vaguemestre account list shows them.";
            Error::new(Code::UnknownProduct, format!("no product has the PSC identity {identity:?}"), next)
                .field("identity")
        })?;
        let timing = if accelerated { Timing::accelerated() } else { self.shared.parts.timing.clone() };
        self.shared.issue(&product, Some(timing.access_token))
    }

    // --- Runs ---

    /// Starts a campaign and returns its number and those of its runs; they go on by themselves.
    ///
    /// # Errors
    /// `unknown_product`, `unknown_job`, `adapter_missing`.
    pub async fn start(&self, request: Request) -> Result<(i64, Vec<i64>), Error> {
        let product = self.product(&request.nil).await?;
        let chosen = self.shared.catalogue.select(&request.what);
        if chosen.is_empty() {
            let next =
                "List the jobs and groups with: vaguemestre jobs. A group is the last element of a path.";
            return Err(Error::new(
                Code::UnknownJob,
                format!("no job or group is named {:?}", request.what),
                next,
            )
            .field("job"));
        }
        if let Some(adapter) = &request.adapter {
            adapter.check()?;
        }
        let by_hand =
            |scenario: &Scenario| request.adapter.is_some() && scenario.automation != Automation::Auto;
        let (left_out, jobs): (Vec<_>, Vec<_>) =
            chosen.into_iter().cloned().partition(|scenario| by_hand(scenario));
        let left_out: Vec<String> = left_out.into_iter().map(|scenario| scenario.id).collect();
        let seed = request.seed.unwrap_or_else(|| u64::from_be_bytes(kernel::random::bytes()))
            & (i64::MAX as u64 >> 10);
        let parts = &self.shared.parts;
        let setting = (i64::try_from(seed).unwrap_or(0), request.accelerated);
        let timer = match (request.timer, &request.adapter) {
            (Some(timer), _) => timer,
            (None, Some(_)) => Duration::from_secs(self.settings().await?.timer_adapter_s),
            (None, None) => Duration::from_secs(self.settings().await?.timer_person_s),
        };
        let driver = if request.adapter.is_some() { "adapter" } else { "person" };
        let new: Vec<runs::NewRun> = jobs
            .iter()
            .map(|scenario| runs::NewRun {
                job: scenario.id.clone(),
                identity: match scenario.mailbox {
                    scenario::Mailbox::Per => product.psc_identity.clone(),
                    scenario::Mailbox::App => product.app_identity.clone(),
                },
                driver,
                timer_s: i64::try_from(timer.as_secs()).unwrap_or(i64::MAX),
            })
            .collect();
        let (campaign, numbers) =
            runs::create(&parts.db, parts.clock.now(), &product.nil, setting, &left_out, &new).await?;
        let mut lanes: HashMap<String, Vec<Order>> = HashMap::new();
        for (number, scenario) in numbers.iter().zip(jobs) {
            let order = Order {
                number: *number,
                scenario,
                product: product.clone(),
                adapter: request.adapter.clone(),
                timer,
                accelerated: request.accelerated,
                canned: request.canned,
                seed,
            };
            lanes.entry(order.mailbox().to_owned()).or_default().push(order);
        }
        for (mailbox, orders) in lanes {
            let places: Vec<_> =
                orders.iter().map(|order| self.shared.queues.join(&mailbox, order.number)).collect();
            let shared = Arc::clone(&self.shared);
            tokio::spawn(async move {
                // Runs whose client has ended, not yet judged.
                let mut ending = JoinSet::new();
                for (order, place) in orders.into_iter().zip(places) {
                    place.turn().await;
                    if order.scenario.control.is_some() && !order.scenario.has_own_control() {
                        // Its control may be one of them.
                        while ending.join_next().await.is_some() {}
                    }
                    let shared = Arc::clone(&shared);
                    ending.spawn(async move {
                        let (number, bench) = (order.number, Arc::clone(&shared));
                        let run = tokio::spawn(async move { shared.carry_out(&order, &place).await });
                        if run.await.is_err() {
                            bench.give_up(number).await;
                        }
                    });
                }
                while ending.join_next().await.is_some() {}
            });
        }
        self.shared.touch();
        Ok((campaign, numbers))
    }

    /// Returns when every run of a campaign has its verdict.
    ///
    /// # Errors
    /// Where the database cannot be read.
    pub async fn finished(&self, campaign: i64) -> Result<(), Error> {
        let mut changes = self.changes();
        loop {
            changes.mark_unchanged();
            if runs::of_campaign(&self.shared.parts.db, campaign)
                .await?
                .iter()
                .all(|run| run.verdict.is_some())
            {
                return Ok(());
            }
            if changes.changed().await.is_err() {
                return Ok(());
            }
        }
    }

    /// Gives the person of an open window more time; returns when it will end.
    ///
    /// # Errors
    /// `bad_input` where no person is waited for in this run.
    pub async fn prolong(&self, run: i64, more: Duration) -> Result<Timestamp, Error> {
        let mut live = self.shared.live();
        let window = live.get_mut(&run).filter(|live| live.phase == Phase::Waiting);
        let Some((window, ends)) = window.and_then(|live| live.ends.map(|ends| (live, ends))) else {
            let next = "Only an open window that waits for a person can be prolonged.";
            return Err(Error::new(Code::BadInput, format!("run {run} waits for nobody"), next).field("run"));
        };
        let now = self.shared.parts.clock.now();
        let ends = (ends.max(now) + more).min(now + person::LONGEST);
        window.ends = Some(ends);
        window.poke.notify_one();
        drop(live);
        self.shared.touch();
        Ok(ends)
    }

    /// Ends a run that is queued or open: *aborted*, never a verdict.
    ///
    /// # Errors
    /// `bad_input` where the run is finished or unknown.
    pub async fn cancel(&self, run: i64) -> Result<(), Error> {
        let row = runs::run(&self.shared.parts.db, run).await?.filter(|row| row.verdict.is_none());
        if row.is_none() {
            let next = "Only a run that is queued or open can be cancelled.";
            return Err(
                Error::new(Code::BadInput, format!("run {run} is not there, or finished"), next).field("run")
            );
        }
        self.shared.cancelled.lock().unwrap_or_else(PoisonError::into_inner).insert(run);
        let poke = self.shared.live().get(&run).map(|live| Arc::clone(&live.poke));
        match poke {
            Some(poke) => poke.notify_one(),
            None => {
                // Still queued: its turn will find it finished.
                let now = self.shared.parts.clock.now();
                runs::finish(
                    &self.shared.parts.db,
                    run,
                    Verdict::Aborted,
                    window::CANCELLED,
                    (now, now),
                    None,
                )
                .await?;
            }
        }
        self.shared.touch();
        Ok(())
    }

    /// Ends every open window before the database is closed: *aborted*, never a verdict. What cannot end in time, an
    /// adapter's step for example, is found without a verdict at the next start, and aborted then.
    pub async fn stop(&self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        let mut changes = self.changes();
        let waiting = |shared: &Shared| {
            let live = shared.live();
            live.values()
                .filter(|live| live.phase == Phase::Waiting)
                .map(|live| live.poke.notify_one())
                .count()
        };
        let ended = async {
            while waiting(&self.shared) > 0 {
                if changes.changed().await.is_err() {
                    return;
                }
            }
        };
        let _ = tokio::time::timeout(Duration::from_secs(2), ended).await;
    }

    /// When the open window of this run ends, and how many of its steps are done; `None` where it is not open.
    pub fn window_state(&self, run: i64) -> Option<WindowState> {
        let live = self.shared.live();
        let live = live.get(&run)?;
        Some(WindowState { ends: live.ends?, done: live.done, steps: live.steps })
    }

    /// The addresses of patients that a person is asked to write to: in MOTCO2's own form, and at Mon espace santé.
    pub fn patient_addresses(&self) -> (String, String) {
        (props::motco2_patient(self.shared.parts.operator.domain()), props::mes_patient())
    }

    /// The newest runs, newest first.
    ///
    /// # Errors
    /// Where the database cannot be read.
    pub async fn newest_runs(&self, count: i64) -> Result<Vec<Run>, Error> {
        runs::newest(&self.shared.parts.db, count).await
    }

    /// The last finished run of each job of a product.
    ///
    /// # Errors
    /// Where the database cannot be read.
    pub async fn last_runs(&self, nil: &str) -> Result<Vec<Run>, Error> {
        runs::last_of_each_job(&self.shared.parts.db, nil).await
    }

    /// Where an unfinished run is.
    pub fn phase(&self, run: i64) -> Option<Phase> {
        self.shared.phase(run)
    }

    /// Where the journal stood when the window of this run opened; `None` where it is not open.
    pub fn window_head(&self, run: i64) -> Option<i64> {
        self.shared.live().get(&run).and_then(|live| live.head)
    }

    /// A run with its evidence and log.
    ///
    /// # Errors
    /// `bad_input` where no run has this number.
    pub async fn run(&self, number: i64) -> Result<RunView, Error> {
        let db = &self.shared.parts.db;
        let run = runs::run(db, number).await?.ok_or_else(|| {
            let next = "The newest runs are on the bench's page, and in: vaguemestre run … --json.";
            Error::new(Code::BadInput, format!("no run has the number {number}"), next).field("run")
        })?;
        let evidence = runs::evidence(db, number).await?;
        let log = match &evidence {
            Some(evidence) => {
                let judgement =
                    judge::Judgement { verdict: evidence.verdict, checks: evidence.checks.clone() };
                log::write(&evidence.scenario, &evidence.context, &evidence.events, &judgement)
            }
            None => log::without_evidence(&run),
        };
        let url = format!("{}/runs/{number}", self.shared.parts.addresses.server);
        let phase = if run.verdict.is_some() { None } else { self.phase(number) };
        Ok(RunView { phase, run, evidence, log, url })
    }

    /// A campaign; `None` where there is no such campaign. Its runs are in the history.
    ///
    /// # Errors
    /// Where the database cannot be read.
    pub async fn campaign(&self, number: i64) -> Result<Option<Campaign>, Error> {
        runs::campaign(&self.shared.parts.db, number).await
    }

    /// The object of `run --json` for a campaign; `None` where there is no such campaign.
    ///
    /// # Errors
    /// Where the database cannot be read.
    pub async fn campaign_json(&self, number: i64) -> Result<Option<Value>, Error> {
        let Some(campaign) = runs::campaign(&self.shared.parts.db, number).await? else { return Ok(None) };
        let mut summary: serde_json::Map<String, Value> = [
            Verdict::Passed,
            Verdict::Failed,
            Verdict::Inconclusive,
            Verdict::Unsupported,
            Verdict::NotStarted,
            Verdict::Aborted,
            Verdict::Attested,
            Verdict::NotApplicable,
        ]
        .into_iter()
        .map(|verdict| (verdict.name().to_owned(), json!(0)))
        .collect();
        let mut all = Vec::new();
        let mut done = true;
        for run in runs::of_campaign(&self.shared.parts.db, number).await? {
            match run.verdict {
                Some(verdict) => {
                    let count = summary[verdict.name()].as_i64().unwrap_or(0);
                    summary[verdict.name()] = json!(count + 1);
                }
                None => done = false,
            }
            let view = self.run(run.number).await?;
            all.push(view.to_json());
        }
        Ok(Some(json!({
            "schema": "vaguemestre/run/1",
            "campaign": campaign.number,
            "nil": campaign.nil,
            "seed": campaign.seed,
            "accelerated": campaign.accelerated,
            "finished": done,
            "summary": summary,
            "left_out": campaign.left_out,
            "runs": all,
        })))
    }

    /// The signed proof of one run.
    ///
    /// # Errors
    /// `bad_input` where the run has no evidence (not finished, or never started).
    pub async fn proof(&self, number: i64) -> Result<String, Error> {
        let view = self.run(number).await?;
        self.prove(view.run.campaign, vec![view]).await
    }

    /// The signed proof of every judged run of a campaign.
    ///
    /// # Errors
    /// `bad_input` where no run of it has evidence.
    pub async fn campaign_proof(&self, campaign: i64) -> Result<String, Error> {
        let mut views = Vec::new();
        for run in runs::of_campaign(&self.shared.parts.db, campaign).await? {
            views.push(self.run(run.number).await?);
        }
        self.prove(campaign, views).await
    }

    async fn prove(&self, campaign: i64, views: Vec<RunView>) -> Result<String, Error> {
        let parts = &self.shared.parts;
        let runs: Vec<RunEvidence> = views.into_iter().filter_map(|view| view.evidence).collect();
        let found = runs::campaign(&parts.db, campaign).await?;
        let (Some(campaign), false) = (found, runs.is_empty()) else {
            let next = "Wait for its verdict; a run that was not started has nothing to prove.";
            return Err(
                Error::new(Code::BadInput, "there is no evidence to prove anything with", next).field("run")
            );
        };
        // The product as it was when it ran: it may have changed, or gone, since.
        let ran = &runs[runs.len() - 1].context;
        let facts = ProductFacts {
            nil: campaign.nil.clone(),
            name: ran.product_name.clone(),
            version: ran.product_version.clone(),
        };
        let body =
            proof::body(&self.shared.signer, parts.clock.now(), campaign.number, campaign.seed, facts, runs);
        Ok(self.shared.signer.sign(&body))
    }
}

impl RunView {
    /// The run as the contracts write it.
    pub fn to_json(&self) -> Value {
        let mut value = runs::run_json(&self.run, self.evidence.as_ref(), &self.log, &self.url);
        value["phase"] = match self.phase {
            Some(Phase::Queued { behind }) => json!({"state": "queued", "behind": behind}),
            Some(Phase::Running) => json!({"state": "running"}),
            Some(Phase::Waiting) => json!({"state": "waiting"}),
            None => json!({"state": "finished"}),
        };
        value
    }
}

impl Shared {
    async fn carry_out(self: &Arc<Self>, order: &Order, place: &Place) {
        if matches!(runs::run(&self.parts.db, order.number).await, Ok(Some(run)) if run.verdict.is_some()) {
            // Cancelled while it was queued.
            self.cancelled.lock().unwrap_or_else(PoisonError::into_inner).remove(&order.number);
            self.touch();
            return;
        }
        let phase = if order.adapter.is_some() { Phase::Running } else { Phase::Waiting };
        let steps = order.scenario.steps_for(order.adapter.is_some()).count();
        let live = Live { phase, head: None, ends: None, done: 0, steps, poke: Arc::default() };
        self.live().insert(order.number, live);
        self.touch();
        let ended = window::run(self, order, place).await;
        let times = (ended.opened, ended.closed);
        let db = &self.parts.db;
        let evidence = ended.evidence.as_ref();
        let mut written = runs::finish(db, order.number, ended.verdict, &ended.reason, times, evidence).await;
        if written.is_err() && evidence.is_some() {
            // Never a run without an end: where its evidence cannot be kept there is no verdict to prove.
            let reason = "les éléments de cette exécution n’ont pas pu être enregistrés";
            written = runs::finish(db, order.number, Verdict::Aborted, reason, times, None).await;
        }
        match written {
            Ok(()) => {}
            // The next start finds it without a verdict, and says that it was aborted.
            Err(error) if self.stopping.load(Ordering::SeqCst) => {
                tracing::info!(run = order.number, "stopped before its verdict was written: {error}");
            }
            Err(error) => tracing::error!(run = order.number, "the verdict could not be written: {error}"),
        }
        self.ended(order.number);
    }

    /// Ends a run that a fault of the bench's own stopped: never a run without an end, which its campaign would wait for.
    async fn give_up(&self, run: i64) {
        tracing::error!(run, "a fault of the bench stopped this run");
        let now = self.parts.clock.now();
        let reason = "une erreur interne du banc a arrêté cette exécution";
        let times = (now, now);
        if let Err(error) = runs::finish(&self.parts.db, run, Verdict::Aborted, reason, times, None).await {
            tracing::error!(run, "its end could not be written: {error}");
        }
        self.ended(run);
    }

    fn ended(&self, run: i64) {
        self.live().remove(&run);
        self.cancelled.lock().unwrap_or_else(PoisonError::into_inner).remove(&run);
        self.touch();
    }

    /// Why a run that [`Shared::is_cancelled`] was ended.
    pub(crate) fn why_cancelled(&self) -> &'static str {
        if self.stopping.load(Ordering::SeqCst) { window::STOPPED } else { window::CANCELLED }
    }

    /// Whether somebody asked for the end of this run, or of the bench.
    pub(crate) fn is_cancelled(&self, run: i64) -> bool {
        self.stopping.load(Ordering::SeqCst)
            || self.cancelled.lock().unwrap_or_else(PoisonError::into_inner).contains(&run)
    }

    /// Says until when an open run waits; what is returned wakes whoever waits when that changes.
    pub(crate) fn wait_until(&self, run: i64, ends: Timestamp) -> Arc<Notify> {
        let poke = self.live().get_mut(&run).map(|live| {
            live.ends = Some(ends);
            Arc::clone(&live.poke)
        });
        self.touch();
        poke.unwrap_or_default()
    }

    /// What is left of an open window; `None` where it is over.
    pub(crate) fn time_left(&self, run: i64) -> Option<Duration> {
        let ends = self.live().get(&run)?.ends?;
        if self.is_cancelled(run) {
            return None;
        }
        let left = Duration::try_from(ends.duration_since(self.parts.clock.now())).ok()?;
        (!left.is_zero()).then_some(left)
    }

    /// How many steps have been seen.
    pub(crate) fn progress(&self, run: i64, done: usize) {
        let moved =
            self.live().get_mut(&run).is_some_and(|live| std::mem::replace(&mut live.done, done) != done);
        if moved {
            self.touch();
        }
    }

    pub(crate) fn issue(&self, product: &Product, life: Option<Duration>) -> Result<TokenSet, Error> {
        self.issue_as(product, TokenWish { life, ..TokenWish::default() })
    }

    pub(crate) fn issue_as(&self, product: &Product, wish: TokenWish) -> Result<TokenSet, Error> {
        self.parts.psc.issue_tokens_as(&product.psc_identity, &product.client_id, wish).map_err(|error| {
            Error::new(
                Code::BadInput,
                format!("Pro Santé Connect gave no token: {error}"),
                "Look at the server's log.",
            )
        })
    }

    fn phase(&self, run: i64) -> Option<Phase> {
        let live = self.live().get(&run).map(|live| live.phase);
        live.or_else(|| self.queues.behind(run).map(|behind| Phase::Queued { behind }))
    }

    fn live(&self) -> std::sync::MutexGuard<'_, HashMap<i64, Live>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The window of a run is open: its log starts after this place of the journal.
    pub(crate) fn opened(&self, run: i64, head: i64) {
        if let Some(live) = self.live().get_mut(&run) {
            live.head = Some(head);
        }
        self.touch();
    }

    fn touch(&self) {
        self.changed.send_modify(|version| *version += 1);
    }
}

async fn save_version(tx: &mut db::Tx, nil: &str, version: &str, now: i64) -> Result<(), db::Error> {
    sqlx::query("INSERT INTO product_version (nil, version, seen_us) VALUES ($1, $2, $3) ON CONFLICT (nil, version) DO NOTHING")
        .bind(nil)
        .bind(version)
        .bind(now)
        .execute(tx)
        .await?;
    Ok(())
}
