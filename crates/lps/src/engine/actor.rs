//! One mailbox's task: who is logged in, whether there is a connection, and what comes next.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use kernel::{Failure, RetryClass, Stage, Timestamp};
use mss::Address;
use practice::{FolderState, Key, Mailbox};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep, timeout};

use super::account::{AccountSettings, Login, imap_servers, seed};
use super::{Backoff, Handle, Phase, QUEUE, Report, Shared, Standing};
use crate::{Credentials, ImapSession};

/// A session that lasted so long was a good one: the next wait is a short one. One that the server ends again and again is
/// reopened less and less often.
const STEADY: Duration = Duration::from_secs(60);
/// How long a mailbox that opens its connection counts among those that do.
const TURN: Duration = Duration::from_secs(2);
/// How long a server has to answer LOGOUT.
const FAREWELL: Duration = Duration::from_secs(2);

/// What people ask of a mailbox.
pub(crate) enum Command {
    /// Bring it in step now.
    Sync(oneshot::Sender<Result<Report, Failure>>),
    /// Change the flags of one message.
    Flag {
        folder: String,
        uid_validity: u32,
        uid: u32,
        change: &'static str,
        reply: oneshot::Sender<Result<(), Failure>>,
    },
    /// Somebody logged in, or out.
    Login(Option<Box<Login>>),
    /// Its settings changed.
    Mailbox(Box<Mailbox>),
    /// Who is logged in?
    WhoIs(oneshot::Sender<Option<Login>>),
}

/// The task's state.
pub(crate) struct Actor {
    pub(crate) shared: Arc<Shared>,
    pub(crate) key: Key,
    mailbox: Mailbox,
    pub(crate) commands: mpsc::Receiver<Command>,
    standing: watch::Sender<Standing>,
    pub(crate) stop: watch::Receiver<bool>,
    login: Option<Login>,
    /// Who waits for the mailbox to be in step.
    pub(crate) waiting: Vec<oneshot::Sender<Result<Report, Failure>>>,
    backoff: Backoff,
    /// The session must end: somebody logged out, another logged in, the settings changed, the engine stops.
    pub(crate) leave: bool,
    /// The inbox must be looked at before it is waited for.
    pub(crate) look_again: bool,
    /// CONDSTORE and QRESYNC of the present session.
    pub(crate) resync: Resync,
    /// When all flags of a folder were last compared, with a server that does not tell what changed.
    pub(crate) swept: HashMap<String, Instant>,
    /// What is known of folders, as the store has it.
    pub(crate) folders: Vec<FolderState>,
}

/// What a session says of changes (RFC 7162).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Resync {
    /// Mod-sequences.
    pub(crate) condstore: bool,
    /// What vanished.
    pub(crate) qresync: bool,
}

impl Actor {
    /// Starts the task of a mailbox. One that a certificate opens logs in by itself.
    pub(crate) fn spawn(shared: &Arc<Shared>, mailbox: Mailbox) -> Handle {
        let (sender, commands) = mpsc::channel(QUEUE);
        let absent = Standing { phase: Phase::NotLive, failure: None, next_try: None, by: None };
        let (standing, watching) = watch::channel(absent);
        let settings = &shared.settings;
        let actor = Self {
            key: mailbox.key.clone(),
            login: by_itself(&mailbox),
            mailbox: mailbox.clone(),
            commands,
            standing,
            stop: shared.stopping(),
            waiting: Vec::new(),
            backoff: Backoff::new(settings.first_wait, settings.longest_wait, seed()),
            leave: false,
            look_again: false,
            resync: Resync::default(),
            swept: HashMap::new(),
            folders: Vec::new(),
            shared: Arc::clone(shared),
        };
        let task = tokio::spawn(actor.run());
        Handle { mailbox, commands: sender, standing: watching, task }
    }

    async fn run(mut self) {
        while !*self.stop.borrow_and_update() && !self.commands.is_closed() {
            self.leave = false;
            if self.login.as_ref().is_some_and(Login::is_over) {
                self.nobody("the Pro Santé Connect session is over: log in again").await;
            }
            let Some(login) = self.login.clone() else {
                self.answer(Err(nobody_there()));
                self.stand(Phase::NotLive, self.failure(), None);
                if !self.pause(None).await {
                    break;
                }
                continue;
            };
            self.stand(Phase::Connecting, self.failure(), None);
            let done = match self.open(&login).await {
                Some(Ok(mut session)) => {
                    let since = Instant::now();
                    let done = self.live(&mut session, &login).await;
                    if since.elapsed() >= STEADY {
                        self.backoff.reset();
                    }
                    if done.is_ok() {
                        let _ = timeout(FAREWELL, session.logout()).await;
                    }
                    done
                }
                Some(Err(failure)) => {
                    self.answer(Err(failure.clone()));
                    Err(failure)
                }
                None => Ok(()), // something else is to be done first
            };
            if let Err(failure) = done {
                let wait = self.failed(failure, &login).await;
                if wait.is_some() && !self.pause(wait).await {
                    break;
                }
            }
        }
        self.answer(Err(super::stopped()));
        self.stand(Phase::Stopped, None, None);
    }

    /// Opens a session; `None` where a command or the engine's end comes first.
    async fn open(&mut self, login: &Login) -> Option<Result<ImapSession, Failure>> {
        let shared = Arc::clone(&self.shared);
        let mailbox = self.mailbox.clone();
        let opening = open(&shared, &mailbox, &login.credentials);
        tokio::pin!(opening);
        loop {
            let command = tokio::select! {
                opened = &mut opening => return Some(opened),
                () = login.over() => return None,
                _ = self.stop.changed() => return None,
                command = self.commands.recv() => command,
            };
            match command {
                None => return None,
                Some(command) => self.take(command),
            }
            if self.leave {
                return None;
            }
        }
    }

    /// Takes a command where no session can serve it at once.
    pub(crate) fn take(&mut self, command: Command) {
        match command {
            Command::Sync(reply) => self.waiting.push(reply),
            Command::Flag { reply, .. } => {
                let _ =
                    reply.send(Err(Failure::temporary(Stage::Connect, "the mailbox has no connection now")));
            }
            Command::Login(login) => {
                self.login = login.map(|login| *login).or_else(|| {
                    tracing::debug!(mailbox = %self.key, "logged out");
                    None
                });
                self.backoff.reset();
                self.leave = true;
            }
            Command::Mailbox(mailbox) => {
                if self.login.is_none() || mailbox.settings != self.mailbox.settings {
                    self.login =
                        by_itself(&mailbox).or(self.login.take().filter(|login| !login.is_certificate()));
                }
                self.mailbox = *mailbox;
                self.backoff.reset();
                self.leave = true;
            }
            Command::WhoIs(reply) => {
                let _ = reply.send(self.login.clone());
            }
        }
    }

    /// Waits for so long (for ever where `None`), or for somebody to ask for something that changes what to do. `false` where
    /// all is over.
    async fn pause(&mut self, wait: Option<Duration>) -> bool {
        let end = wait.map(|wait| Instant::now() + wait);
        loop {
            if self.leave || !self.waiting.is_empty() {
                return true; // somebody wants it now
            }
            let left = end.map(|end| end.saturating_duration_since(Instant::now()));
            let command = tokio::select! {
                () = async { match left { Some(left) => sleep(left).await, None => std::future::pending().await } } => return true,
                _ = self.stop.changed() => return false,
                command = self.commands.recv() => command,
            };
            let Some(command) = command else { return false };
            self.take(command);
        }
    }

    /// A try failed: says so, and gives how long to wait before the next; `None` where nobody is logged in any more.
    async fn failed(&mut self, failure: Failure, login: &Login) -> Option<Duration> {
        tracing::info!(mailbox = %self.key, %failure, "the mailbox cannot be read for now");
        if failure.stage == Stage::Tls {
            self.shared.trust.forget(&self.settings().unwrap_or_default());
        }
        if matches!(failure.stage, Stage::Connect | Stage::Resolve) {
            self.shared.settings.resolver.forget(); // the records may have changed
        }
        if failure.stage != Stage::Storage
            && let Err(error) = self.shared.practice.checked(&self.key, &login.by, Err(failure.clone())).await
        {
            tracing::warn!(%error, "what went wrong cannot be noted");
        }
        // A refused person logs in again; asking for her would only be refused again (SC.MSS/CONF.10).
        let person = matches!(login.credentials, Credentials::Xoauth2(_));
        let refused = failure.stage == Stage::Authenticate && failure.retry == RetryClass::Never;
        if (person && refused) || login.is_over() {
            self.login = None;
            self.stand(Phase::NotLive, Some(failure), None);
            return None;
        }
        let wait = match failure.retry {
            RetryClass::Never => self.backoff.long_wait(),
            _ => self.backoff.next_wait(),
        };
        let next_try = Timestamp::from_microsecond(
            self.shared.settings.clock.now().as_microsecond()
                + i64::try_from(wait.as_micros()).unwrap_or(i64::MAX / 2),
        );
        self.stand(Phase::Waiting, Some(failure), next_try.ok());
        Some(wait)
    }

    /// Nobody is logged in any more, and why.
    async fn nobody(&mut self, why: &str) {
        let by = self.login.take().map(|login| login.by).unwrap_or_default();
        let failure = Failure::permanent(Stage::Authenticate, why);
        self.answer(Err(failure.clone()));
        if let Err(error) = self.shared.practice.checked(&self.key, &by, Err(failure.clone())).await {
            tracing::warn!(%error, "the end of a session cannot be noted");
        }
        self.stand(Phase::NotLive, Some(failure), None);
    }

    /// All went well: *dernière relève* is now.
    pub(crate) async fn in_step(&mut self, login: &Login, phase: Phase) -> Result<(), Failure> {
        self.shared.practice.checked(&self.key, &login.by, Ok(())).await.map_err(|error| error.failure())?;
        self.stand(phase, None, None);
        Ok(())
    }

    /// Whether the session has to end: the engine stops, or the person's own session is over (SC.MSS/CONF.10).
    pub(crate) fn must_end(&self) -> bool {
        *self.stop.borrow() || self.login.as_ref().is_some_and(Login::is_over)
    }

    /// Whether something is more urgent than the next message.
    pub(crate) fn is_pressed(&self) -> bool {
        self.leave || !self.commands.is_empty() || self.must_end()
    }

    pub(crate) fn stand(&self, phase: Phase, failure: Option<Failure>, next_try: Option<Timestamp>) {
        let by = self.login.as_ref().map(|login| login.by.clone());
        let now = Standing { phase, failure, next_try, by };
        self.standing.send_if_modified(|old| std::mem::replace(old, now.clone()) != now);
    }

    pub(crate) fn answer(&mut self, outcome: Result<Report, Failure>) {
        for reply in self.waiting.drain(..) {
            let _ = reply.send(outcome.clone()); // whoever asked may have left
        }
    }

    fn failure(&self) -> Option<Failure> {
        self.standing.borrow().failure.clone()
    }

    fn settings(&self) -> Result<AccountSettings, Failure> {
        AccountSettings::of(&self.mailbox)
    }
}

/// Finds the mailbox's servers and opens a session with the first that can be reached. Not too many mailboxes do so at
/// once: after an operator's outage, all of them come back.
async fn open(shared: &Shared, mailbox: &Mailbox, credentials: &Credentials) -> Result<ImapSession, Failure> {
    let settings = AccountSettings::of(mailbox)?;
    let address = Address::parse(&mailbox.address)
        .map_err(|error| Failure::permanent(Stage::Input, format!("{}: {error}", mailbox.address)))?;
    let turn = shared.opening.acquire().await.map_err(|_| super::stopped())?;
    let opening = open_now(shared, &settings, &address, credentials);
    tokio::pin!(opening);
    match timeout(TURN, &mut opening).await {
        Ok(opened) => opened,
        Err(_) => {
            drop(turn); // a server that keeps us waiting costs nobody else a place
            opening.await
        }
    }
}

async fn open_now(
    shared: &Shared,
    settings: &AccountSettings,
    address: &Address,
    credentials: &Credentials,
) -> Result<ImapSession, Failure> {
    let patience = shared.settings.patience;
    let servers = imap_servers(address, settings, &shared.settings.resolver, patience).await?;
    let tls = shared.trust.config(settings).await?;
    let mut unreachable = Failure::permanent(Stage::Resolve, "the mailbox has no server");
    for server in &servers {
        match ImapSession::open(server, address, credentials, &tls, patience).await {
            Err(failure) if failure.stage == Stage::Connect => unreachable = failure,
            opened => return opened,
        }
    }
    Err(unreachable)
}

/// The login of a mailbox that needs nobody: its certificate.
fn by_itself(mailbox: &Mailbox) -> Option<Login> {
    let settings = AccountSettings::of(mailbox).ok()?;
    settings.certificate.is_some().then(Login::certificate)
}

fn nobody_there() -> Failure {
    Failure::permanent(Stage::Authenticate, "nobody is logged in who may open this mailbox")
}
