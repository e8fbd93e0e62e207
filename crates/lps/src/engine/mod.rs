//! The engine: every mailbox of a practice kept in step with its server, by one task each.
//!
//! What peers paid for decides its shape (spec 07, L7):
//!
//! - **A task owns its connection.** Nothing is shared between mailboxes but what is trusted, and two bounds (how many
//!   connections are opened at once, how many mailboxes fetch at once). No lock is held while the network is waited for;
//!   a server that is slow, hostile or away delays its own mailbox alone (SC.MSS/CONF.08).
//! - **People come first.** A person's command waits in a queue that is looked at between two turns, and a turn is small:
//!   one window of a listing, one handful of messages. It also wakes a task that waits to try again.
//! - **What was done is said by the store.** Nothing is remembered here that a crash could lose: what is known of a folder,
//!   which octets are missing, what is to be read again, all of it is [`practice::Practice`]'s. Killed at any moment, the
//!   engine starts where the store says.
//! - **Not live is a state, not an error.** A mailbox that a Pro Santé Connect session opens is read while somebody is logged
//!   in. Otherwise it stands at [`Phase::NotLive`], and *dernière relève* says since when.

mod account;
mod actor;
mod backoff;
mod diagnose;
mod fill;
mod idle;
mod sync;

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kernel::{Clock, Failure, Stage, Timestamp};
use practice::{Key, Mailbox, Practice};
use serde::Serialize;
use tokio::sync::{Notify, Semaphore, mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

pub use account::{AccountSettings, CertificateFiles, Login};
pub use backoff::Backoff;
pub use diagnose::{Cause, Diagnosis, Finding, Grade, Step};

use crate::{Patience, Resolver};
use account::Trust;
use actor::{Actor, Command};

/// Commands that may wait for one mailbox.
const QUEUE: usize = 64;
/// How long a stopping engine waits for its tasks to say goodbye.
const GOODBYE: Duration = Duration::from_secs(3);
/// Mails read in one go.
const READ_AT_ONCE: usize = 256;
/// How often what could not be read is looked at again.
const READ_AGAIN: Duration = Duration::from_secs(60);

/// How the engine behaves. [`Settings::new`] has the values of the field; tests have shorter ones.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The authorities to trust where a mailbox names none, PEM.
    pub authorities: String,
    /// Where their revocation lists are.
    pub crls: Vec<String>,
    /// Where lists are kept for the day when they cannot be fetched (SC.MSS/CONF.22).
    pub dir: PathBuf,
    /// Where the hour comes from.
    pub clock: Clock,
    /// Whom to ask where a mailbox's servers are.
    pub resolver: Resolver,
    /// How long servers have.
    pub patience: Patience,
    /// Longest IDLE; 28 minutes whatever it says.
    pub idle: Duration,
    /// How often folders other than the inbox are looked at, and the inbox of a server without IDLE.
    pub round: Duration,
    /// How often all flags are compared, with a server that keeps no mod-sequences.
    pub sweep: Duration,
    /// The wait before the first new try is below this; see [`Backoff`].
    pub first_wait: Duration,
    /// The longest wait between two tries.
    pub longest_wait: Duration,
    /// Connections that are opened at the same time, at most.
    pub openings: usize,
    /// Mailboxes that fetch messages at the same time, at most: what bounds the memory.
    pub fetchers: usize,
    /// Octets of the largest message that is fetched; larger ones are a failure of their own.
    pub message: u64,
}

impl Settings {
    /// What is trusted, and where lists are kept.
    pub fn new(authorities: String, crls: Vec<String>, dir: &Path, clock: Clock, resolver: Resolver) -> Self {
        Self {
            authorities,
            crls,
            dir: dir.to_owned(),
            clock,
            resolver,
            patience: Patience::default(),
            idle: Duration::from_secs(28 * 60),
            round: Duration::from_secs(300),
            sweep: Duration::from_secs(1_800),
            first_wait: Duration::from_secs(2),
            longest_wait: Duration::from_secs(900),
            openings: 32,
            fetchers: 16,
            message: 40 * 1024 * 1024,
        }
    }
}

/// Where a mailbox is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Nobody is logged in who may open it: it is not read.
    NotLive,
    /// On the way to its server.
    Connecting,
    /// Being brought in step.
    Synchronising,
    /// In step; the server tells what is new.
    Live,
    /// In step; the server cannot tell what is new, and is asked now and then.
    Polling,
    /// The last try failed; [`Standing::next_try`] is when the next one is.
    Waiting,
    /// The engine is stopped, or the mailbox was removed.
    Stopped,
}

/// Where a mailbox is, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// In one word.
    pub phase: Phase,
    /// What went wrong the last time.
    pub failure: Option<Failure>,
    /// When it is tried again.
    pub next_try: Option<Timestamp>,
    /// Who is logged in.
    pub by: Option<String>,
}

impl Standing {
    /// Whether new mail comes in by itself.
    pub fn is_live(&self) -> bool {
        matches!(self.phase, Phase::Live | Phase::Polling | Phase::Synchronising)
    }
}

/// What one synchronisation did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Folders that were looked into.
    pub folders: u32,
    /// Messages seen for the first time.
    pub arrived: u64,
    /// Messages whose octets came in.
    pub fetched: u64,
    /// Octets of these.
    pub octets: u64,
    /// Messages that could not be fetched, each with its reason in the store.
    pub failed: u64,
    /// Folders that the server would not open.
    pub refused: u32,
}

/// The mailboxes of one practice at work. Cheap to clone; it runs until [`Engine::stop`].
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) practice: Practice,
    pub(crate) settings: Settings,
    pub(crate) trust: Trust,
    /// Connections being opened.
    pub(crate) opening: Semaphore,
    /// Mailboxes fetching.
    pub(crate) fetching: Semaphore,
    /// There is something to read.
    pub(crate) to_read: Notify,
    /// Who waits until all that is kept now is read. One task reads, so that nobody finds work that another has in hand.
    reading: mpsc::Sender<oneshot::Sender<Result<(), Failure>>>,
    stop: watch::Sender<bool>,
    actors: Mutex<HashMap<Key, Handle>>,
    reader: Mutex<Option<JoinHandle<()>>>,
}

struct Handle {
    mailbox: Mailbox,
    commands: mpsc::Sender<Command>,
    standing: watch::Receiver<Standing>,
    task: JoinHandle<()>,
}

impl Engine {
    /// Starts a task for each mailbox of the practice. Mailboxes that a certificate opens begin at once; the others when
    /// somebody [logs in](Engine::log_in).
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn start(practice: Practice, settings: Settings) -> Result<Self, Failure> {
        let trust = Trust::new(
            settings.authorities.clone(),
            settings.crls.clone(),
            &settings.dir,
            settings.clock.clone(),
        );
        let (reading, asked) = mpsc::channel(QUEUE);
        let shared = Arc::new(Shared {
            reading,
            trust,
            opening: Semaphore::new(settings.openings.max(1)),
            fetching: Semaphore::new(settings.fetchers.max(1)),
            to_read: Notify::new(),
            stop: watch::Sender::new(false),
            actors: Mutex::default(),
            reader: Mutex::default(),
            practice,
            settings,
        });
        let engine = Self { shared };
        engine.reload().await?;
        let reading = tokio::spawn(read(Arc::clone(&engine.shared), asked));
        *engine.shared.reader.lock().unwrap_or_else(PoisonError::into_inner) = Some(reading);
        Ok(engine)
    }

    /// Looks at the practice's mailboxes again: to be called after one was added, changed or removed.
    ///
    /// # Errors
    /// The store cannot be read; nothing has changed then.
    pub async fn reload(&self) -> Result<(), Failure> {
        let mailboxes = self.shared.practice.mailboxes().await.map_err(|error| error.failure())?;
        let mut told = Vec::new();
        {
            let mut actors = self.shared.actors();
            actors.retain(|key, _| mailboxes.iter().any(|mailbox| mailbox.key == *key)); // a task without a handle ends
            for mailbox in mailboxes {
                match actors.get_mut(&mailbox.key) {
                    None => {
                        let handle = Actor::spawn(&self.shared, mailbox.clone());
                        actors.insert(mailbox.key.clone(), handle);
                    }
                    Some(handle) if handle.differs(&mailbox) => {
                        handle.mailbox = mailbox.clone();
                        told.push((handle.commands.clone(), mailbox));
                    }
                    Some(_) => {}
                }
            }
        }
        for (commands, mailbox) in told {
            let _ = commands.send(Command::Mailbox(Box::new(mailbox))).await; // it has just stopped: nothing to change
        }
        Ok(())
    }

    /// Opens a mailbox in somebody's name, from now on.
    ///
    /// # Errors
    /// There is no such mailbox.
    pub async fn log_in(&self, mailbox: &Key, login: Login) -> Result<(), Failure> {
        self.command(mailbox, Command::Login(Some(Box::new(login)))).await
    }

    /// Closes a mailbox's session properly. It is not read any more until somebody logs in.
    ///
    /// # Errors
    /// There is no such mailbox.
    pub async fn log_out(&self, mailbox: &Key) -> Result<(), Failure> {
        self.command(mailbox, Command::Login(None)).await
    }

    /// Brings a mailbox in step now, and reads what came. A mailbox that waits to be tried again is tried at once.
    ///
    /// # Errors
    /// What went wrong, with its stage; [`Stage::Authenticate`] where nobody is logged in.
    pub async fn sync_now(&self, mailbox: &Key) -> Result<Report, Failure> {
        let (reply, answer) = oneshot::channel();
        self.command(mailbox, Command::Sync(reply)).await?;
        let report = answer.await.unwrap_or_else(|_| Err(stopped()))?;
        let (reply, read) = oneshot::channel();
        self.shared.reading.send(reply).await.map_err(|_| stopped())?;
        read.await.unwrap_or_else(|_| Err(stopped()))?;
        Ok(report)
    }

    /// Sets or takes the `\Seen` of a mail on its server, which everybody who reads the mailbox sees.
    ///
    /// # Errors
    /// No such mail, not on the server any more, or no session: it is not done later by itself.
    pub async fn mark_seen(&self, mail: &Key, seen: bool) -> Result<(), Failure> {
        let practice = &self.shared.practice;
        let found = practice.mail(mail).await.map_err(|error| error.failure())?;
        let gone =
            || Failure::permanent(Stage::Input, format!("the mail {mail} is not on its server (any more)"));
        let found = found.filter(|mail| !mail.gone).ok_or_else(gone)?;
        let folders = practice.folders(&found.mailbox).await.map_err(|error| error.failure())?;
        let folder = folders.into_iter().find(|folder| folder.name == found.folder).ok_or_else(gone)?;
        let (reply, answer) = oneshot::channel();
        let command = Command::Flag {
            folder: folder.name,
            uid_validity: folder.uid_validity,
            uid: found.uid,
            change: if seen { "+FLAGS.SILENT (\\Seen)" } else { "-FLAGS.SILENT (\\Seen)" },
            reply,
        };
        self.command(&found.mailbox, command).await?;
        answer.await.unwrap_or_else(|_| Err(stopped()))
    }

    /// *Diagnostic de connexion*: what stands between this mailbox and its mail, step by step. It opens connections of its
    /// own and disturbs nothing.
    ///
    /// # Errors
    /// There is no such mailbox. What is wrong with one that there is is told in the diagnosis.
    pub async fn diagnose(&self, mailbox: &Key) -> Result<Diagnosis, Failure> {
        let found = self.shared.practice.mailbox(mailbox.as_str()).await.map_err(|error| error.failure())?;
        let found = found.ok_or_else(|| nothing(mailbox))?;
        let (reply, answer) = oneshot::channel();
        // Asked first, so that a person who is logged in is tried with her own token; nobody there is an answer too.
        let login = match self.command(mailbox, Command::WhoIs(reply)).await {
            Ok(()) => answer.await.ok().flatten(),
            Err(_) => None,
        };
        Ok(diagnose::diagnose(&self.shared, &found, login).await)
    }

    /// Where a mailbox is, now and from now on.
    pub fn standing(&self, mailbox: &Key) -> Option<watch::Receiver<Standing>> {
        self.shared.actors().get(mailbox).map(|handle| handle.standing.clone())
    }

    /// Ends every session properly, then stops. What was under way goes on at the next start.
    pub async fn stop(&self) {
        self.shared.stop.send_replace(true);
        let reading = self.shared.reader.lock().unwrap_or_else(PoisonError::into_inner).take();
        let handles: Vec<Handle> = self.shared.actors().drain().map(|(_, handle)| handle).collect();
        let all = async {
            for handle in handles {
                let mut task = handle.task;
                if timeout(GOODBYE, &mut task).await.is_err() {
                    task.abort();
                }
            }
            if let Some(mut reading) = reading
                && timeout(GOODBYE, &mut reading).await.is_err()
            {
                reading.abort();
            }
        };
        all.await;
    }

    async fn command(&self, mailbox: &Key, command: Command) -> Result<(), Failure> {
        let commands = self.shared.actors().get(mailbox).map(|handle| handle.commands.clone());
        let commands = commands.ok_or_else(|| nothing(mailbox))?;
        commands.send(command).await.map_err(|_| stopped())
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("mailboxes", &self.shared.actors().len()).finish_non_exhaustive()
    }
}

impl Shared {
    pub(crate) fn stopping(&self) -> watch::Receiver<bool> {
        self.stop.subscribe()
    }

    fn actors(&self) -> MutexGuard<'_, HashMap<Key, Handle>> {
        self.actors.lock().unwrap_or_else(PoisonError::into_inner) // insertions and removals are whole
    }
}

impl Handle {
    /// Whether the mailbox must be told: what changes at each synchronisation does not count.
    fn differs(&self, mailbox: &Mailbox) -> bool {
        self.mailbox.settings != mailbox.settings
            || self.mailbox.address != mailbox.address
            || self.mailbox.kind != mailbox.kind
            || self.mailbox.since != mailbox.since
    }
}

/// Reads what is kept: when there is something, when somebody waits for it, and now and then.
async fn read(shared: Arc<Shared>, mut asked: mpsc::Receiver<oneshot::Sender<Result<(), Failure>>>) {
    let mut stop = shared.stopping();
    let mut waiting: Vec<oneshot::Sender<Result<(), Failure>>> = Vec::new();
    while !*stop.borrow_and_update() {
        let done = read_all(&shared.practice).await;
        if let Err(failure) = &done {
            tracing::warn!(%failure, "mails cannot be read for now");
        }
        for reply in waiting.drain(..) {
            let _ = reply.send(done.clone()); // whoever asked may have left
        }
        tokio::select! {
            () = shared.to_read.notified() => {}
            () = tokio::time::sleep(READ_AGAIN) => {}
            _ = stop.changed() => {}
            reply = asked.recv() => waiting.extend(reply),
        }
        while let Ok(reply) = asked.try_recv() {
            waiting.push(reply);
        }
    }
}

async fn read_all(practice: &Practice) -> Result<(), Failure> {
    while practice.read_pending(READ_AT_ONCE).await.map_err(|error| error.failure())? > 0 {}
    Ok(())
}

fn nothing(mailbox: &Key) -> Failure {
    Failure::permanent(Stage::Input, format!("there is no mailbox {mailbox}"))
}

fn stopped() -> Failure {
    Failure::temporary(Stage::Input, "the mailbox's task has stopped")
}
