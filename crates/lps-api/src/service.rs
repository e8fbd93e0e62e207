use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::Router;
use db::Db;
use kernel::{Clock, Secret};
use lps::engine::{self, Engine};
use practice::Practice;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use crate::error::Error;
use crate::hooks;
use crate::once::UnderWay;
use crate::registry::{KeyLine, PracticeLine, Registry};

/// How long a critical result may wait before it is given to another doctor: our own choice, no text says it.
const ESCALATION: Duration = Duration::from_secs(3_600);

/// How often that is looked at.
const LOOK: Duration = Duration::from_secs(60);

/// What the service needs to know.
#[derive(Clone)]
pub struct Parts {
    /// Its data directory, held by the caller: one process at a time.
    pub dir: PathBuf,
    /// The time.
    pub clock: Clock,
    /// What every practice here says of itself: world, zone, senders.
    pub setting: practice::Setting,
    /// How mailboxes are reached, each practice with a directory of its own; without it nothing is fetched.
    pub engine: Option<engine::Settings>,
}

/// The practices of this process, their connectors, and the API over them. Cheap to clone.
#[derive(Clone)]
pub struct Service {
    inner: Arc<Inner>,
}

struct Inner {
    parts: Parts,
    registry_db: Db,
    registry: Registry,
    houses: RwLock<BTreeMap<String, Arc<House>>>,
    stop: watch::Sender<bool>,
    tasks: std::sync::Mutex<Vec<JoinHandle<()>>>,
}

/// One practice that is served.
pub struct House {
    pub(crate) line: PracticeLine,
    pub(crate) db: Db,
    pub(crate) clock: Clock,
    pub(crate) practice: Practice,
    pub(crate) engine: Option<Engine>,
    pub(crate) under_way: UnderWay,
    /// What the secrets of webhooks are derived from.
    pub(crate) hook_master: Secret<Vec<u8>>,
    /// The list of webhooks changed.
    pub(crate) hooks_changed: Notify,
    pub(crate) stopping: watch::Receiver<bool>,
}

impl Service {
    /// Opens every practice that is registered, with its connector and its webhooks. Must be called within a Tokio runtime.
    ///
    /// # Errors
    /// Where a file or a base of the directory cannot be opened.
    pub async fn open(parts: Parts) -> Result<Self, Error> {
        private_dir(&parts.dir)?;
        let registry_db = Db::open_sqlite(&parts.dir.join("lps.sqlite")).await?;
        let registry = Registry::open(registry_db.clone(), parts.clock.clone()).await?;
        let lines = registry.practices().await?;
        let inner = Inner {
            parts,
            registry_db,
            registry,
            houses: RwLock::default(),
            stop: watch::Sender::new(false),
            tasks: std::sync::Mutex::default(),
        };
        let service = Self { inner: Arc::new(inner) };
        for line in lines {
            service.open_house(line).await?;
        }
        Ok(service)
    }

    /// Registers a practice and opens it; a known one gets this label at the next start.
    ///
    /// # Errors
    /// [`Error::Name`], or what opening meets.
    pub async fn add_practice(&self, name: &str, label: &str) -> Result<(), Error> {
        self.inner.registry.save_practice(name, label).await?;
        if self.house(name).is_none() {
            self.open_house(PracticeLine { name: name.to_owned(), label: label.to_owned() }).await?;
        }
        Ok(())
    }

    /// The practices that are served, by name.
    pub fn practices(&self) -> Vec<PracticeLine> {
        self.houses().values().map(|house| house.line.clone()).collect()
    }

    /// A practice that is served.
    pub fn house(&self, name: &str) -> Option<Arc<House>> {
        self.houses().get(name).cloned()
    }

    /// Makes an API key of a practice, and gives it: it is kept nowhere.
    ///
    /// # Errors
    /// [`Error::Unknown`], or what the base meets.
    pub async fn new_key(&self, practice: &str, label: &str) -> Result<Secret<String>, Error> {
        if self.house(practice).is_none() {
            return Err(Error::Unknown(practice.to_owned()));
        }
        Ok(self.inner.registry.new_key(practice, label).await?.1)
    }

    /// Whether `key` opens this practice.
    pub fn opens(&self, key: &Secret<String>, practice: &str) -> bool {
        self.inner.registry.holder(key.reveal()).is_some_and(|line| line.house == practice)
    }

    /// The router to serve on `port` of the loopback.
    pub fn router(&self, port: u16) -> Router {
        crate::openapi::router(self.clone(), port)
    }

    /// Ends connectors, webhooks and streams, and closes every base.
    pub async fn stop(&self) {
        self.inner.stop.send_replace(true);
        let tasks = std::mem::take(&mut *self.inner.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        for task in tasks {
            let _ = task.await; // a task that died has said so
        }
        let houses: Vec<_> = self.houses().values().cloned().collect();
        for house in houses {
            if let Some(engine) = &house.engine {
                engine.stop().await;
            }
            house.db.close().await;
        }
        self.inner.registry_db.close().await;
    }

    pub(crate) fn registry(&self) -> &Registry {
        &self.inner.registry
    }

    /// The practice of whoever sent this key.
    pub(crate) fn holder(&self, key: &str) -> Option<(Arc<House>, KeyLine)> {
        let line = self.inner.registry.holder(key)?;
        Some((self.house(&line.house)?, line))
    }

    fn houses(&self) -> std::sync::RwLockReadGuard<'_, BTreeMap<String, Arc<House>>> {
        self.inner.houses.read().unwrap_or_else(PoisonError::into_inner) // every change of the map is whole
    }

    async fn open_house(&self, line: PracticeLine) -> Result<(), Error> {
        let parts = &self.inner.parts;
        let dir = parts.dir.join("practices").join(&line.name);
        private_dir(&dir)?;
        let hook_master = master(&dir.join("webhooks.key"))?;
        let db = Db::open_sqlite(&dir.join("practice.sqlite")).await?;
        db.migrate("lps-hooks", hooks::MIGRATIONS).await?;
        let practice = Practice::open(db.clone(), parts.clock.clone(), parts.setting.clone()).await?;
        let engine = match &parts.engine {
            Some(settings) => {
                let settings = engine::Settings { dir: dir.join("crl"), ..settings.clone() };
                private_dir(&settings.dir)?;
                let started = Engine::start(practice.clone(), settings).await;
                Some(started.map_err(|failure| Error::Connector { practice: line.name.clone(), failure })?)
            }
            None => None,
        };
        let house = Arc::new(House {
            line: line.clone(),
            db,
            clock: parts.clock.clone(),
            practice,
            engine,
            under_way: UnderWay::default(),
            hook_master,
            hooks_changed: Notify::new(),
            stopping: self.inner.stop.subscribe(),
        });
        let tasks =
            [tokio::spawn(hooks::deliver(Arc::clone(&house))), tokio::spawn(escalate(Arc::clone(&house)))];
        self.inner.tasks.lock().unwrap_or_else(PoisonError::into_inner).extend(tasks);
        self.inner.houses.write().unwrap_or_else(PoisonError::into_inner).insert(line.name, house);
        Ok(())
    }
}

impl House {
    /// The practice's base, for faces beside the API.
    pub fn practice(&self) -> &Practice {
        &self.practice
    }

    /// Its connector, where one runs.
    pub fn engine(&self) -> Option<&Engine> {
        self.engine.as_ref()
    }

    /// Its name, and what people call it.
    pub fn line(&self) -> &PracticeLine {
        &self.line
    }
}

/// A critical result that nobody has taken in charge goes to a doctor who is there, until the service stops.
async fn escalate(house: Arc<House>) {
    let mut stop = house.stopping.clone();
    while tokio::time::timeout(LOOK, stop.wait_for(|stop| *stop)).await.is_err() {
        match house.practice.escalate(ESCALATION).await {
            Ok(found) if found.is_empty() => {}
            Ok(found) => tracing::info!(
                practice = house.line.name,
                results = found.len(),
                "critical results escalated"
            ),
            Err(error) => tracing::warn!(%error, "critical results cannot be escalated for now"),
        }
    }
}

/// A directory that its owner alone can read.
fn private_dir(path: &Path) -> Result<(), Error> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|source| Error::File { what: path.display().to_string(), source })
}

/// 32 octets, drawn at the first start and kept in a file of their own (mode 0600), apart from the base.
fn master(path: &Path) -> Result<Secret<Vec<u8>>, Error> {
    let wrong = |source| Error::File { what: path.display().to_string(), source };
    match fs::read(path) {
        Ok(kept) if kept.len() == 32 => Ok(Secret::new(kept)),
        Ok(_) => Err(wrong(std::io::Error::other(
            "32 octets are expected: restore the file, or remove it to draw new secrets",
        ))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let drawn = kernel::random::bytes::<32>();
            let file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
            let mut file = file.map_err(wrong)?;
            file.write_all(&drawn).and_then(|()| file.sync_all()).map_err(wrong)?;
            Ok(Secret::new(drawn.to_vec()))
        }
        Err(error) => Err(wrong(error)),
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").field("practices", &self.practices()).finish_non_exhaustive()
    }
}

impl fmt::Debug for House {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("House").field("line", &self.line).finish_non_exhaustive()
    }
}
