//! A session's life: in step, then waiting for news, with people served in between.

use kernel::{Failure, Stage};
use tokio::time::{Instant, sleep_until};

use super::account::Login;
use super::actor::{Actor, Command, Resync};
use super::sync::Scope;
use super::{Phase, Report};
use crate::ImapSession;
use crate::imap_session::Idled;

/// What to call the inbox (RFC 3501 §5.1: in any case).
pub(super) const INBOX: &str = "INBOX";

impl Actor {
    /// Keeps the mailbox in step until the session has to end: `Ok` where it should be ended properly.
    pub(super) async fn live(&mut self, session: &mut ImapSession, login: &Login) -> Result<(), Failure> {
        self.prepare(session).await?;
        let mut due = Instant::now();
        let mut scope = Some(Scope::Everything);
        loop {
            self.serve(session).await?;
            if self.leave || *self.stop.borrow() || login.is_over() {
                return Ok(());
            }
            if Instant::now() >= due || !self.waiting.is_empty() {
                scope = Some(Scope::Everything);
            } else if std::mem::take(&mut self.look_again) {
                scope = Some(Scope::Inbox);
            }
            if let Some(scope) = scope.take() {
                self.stand(Phase::Synchronising, None, None);
                // Who asks while this goes on wants what comes after.
                let asked = std::mem::take(&mut self.waiting);
                let done = self.round(session, scope).await;
                let late = std::mem::replace(&mut self.waiting, asked);
                let report = match done {
                    Ok(report) => report,
                    Err(failure) => {
                        // Who asked knows; who asked since then has the next session's turn.
                        self.answer(Err(failure.clone()));
                        self.waiting = late;
                        return Err(failure);
                    }
                };
                if self.leave {
                    self.waiting.extend(late); // not in step: who asked is answered by the next session
                    return Ok(());
                }
                let phase = if session.has("IDLE") { Phase::Live } else { Phase::Polling };
                self.in_step(login, phase).await?;
                self.answer(Ok(report));
                self.waiting = late;
                if scope == Scope::Everything {
                    due = Instant::now() + self.shared.settings.round;
                }
                continue;
            }
            scope = self.wait(session, login, due).await?;
        }
    }

    async fn prepare(&mut self, session: &mut ImapSession) -> Result<(), Failure> {
        session.leave_out_above(self.shared.settings.message);
        self.swept.clear();
        self.resync =
            Resync { condstore: session.has("CONDSTORE") || session.has("QRESYNC"), qresync: false };
        if session.has("QRESYNC") && (session.has("ENABLE") || session.has("IMAP4REV2")) {
            let enabled = session.enable("QRESYNC").await?;
            self.resync.qresync = enabled.iter().any(|word| word == "QRESYNC");
        }
        Ok(())
    }

    /// Waits for news of the inbox, for people, or until `due`. What to look at then.
    async fn wait(
        &mut self,
        session: &mut ImapSession,
        login: &Login,
        due: Instant,
    ) -> Result<Option<Scope>, Failure> {
        if session.selected() != Some(INBOX) {
            session.select(INBOX).await?; // it may have changed meanwhile
            return Ok(Some(Scope::Inbox));
        }
        let mut asked: Option<Option<Command>> = None;
        let wake = async {
            let (commands, stop) = (&mut self.commands, &mut self.stop);
            tokio::select! {
                command = commands.recv() => asked = Some(command),
                _ = stop.changed() => {}
                () = login.over() => {}
            }
        };
        let idled = if session.has("IDLE") {
            let limit = due.saturating_duration_since(Instant::now()).min(self.shared.settings.idle);
            session.idle(limit, wake).await
        } else {
            tokio::select! {
                () = wake => Ok(Idled::Woken),
                () = sleep_until(due) => Ok(Idled::Quiet),
            }
        };
        // A command that was taken out of the queue is served, or answered, whatever became of the session.
        let served = match asked {
            Some(Some(command)) => match &idled {
                Ok(_) => self.serve_one(session, command).await,
                Err(_) => {
                    self.take(command);
                    Ok(())
                }
            },
            Some(None) => {
                self.leave = true;
                Ok(())
            }
            None => Ok(()),
        };
        let idled = idled?;
        served?;
        Ok(match idled {
            Idled::News => Some(Scope::Inbox),
            Idled::Woken | Idled::Quiet => None,
        })
    }

    /// Serves what people ask, and they come first: called between two turns.
    pub(super) async fn serve(&mut self, session: &mut ImapSession) -> Result<(), Failure> {
        self.leave |= self.must_end();
        while let Ok(command) = self.commands.try_recv() {
            self.serve_one(session, command).await?;
        }
        Ok(())
    }

    async fn serve_one(&mut self, session: &mut ImapSession, command: Command) -> Result<(), Failure> {
        let Command::Flag { folder, uid_validity, uid, change, reply } = command else {
            self.take(command);
            return Ok(());
        };
        let done = flag(session, &folder, uid_validity, uid, change).await;
        self.look_again = true; // opening a folder takes the news of the inbox away
        let broken = session.is_broken().then(|| done.clone().err()).flatten();
        let _ = reply.send(done);
        broken.map_or(Ok(()), Err)
    }
}

/// Changes the flags of one message, in the folder as it was known.
async fn flag(
    session: &mut ImapSession,
    folder: &str,
    uid_validity: u32,
    uid: u32,
    change: &str,
) -> Result<(), Failure> {
    // Opened anew even where it is selected: only then is its UIDVALIDITY certain (spec 07, L5).
    let selected = session.select(folder).await?;
    if selected.uid_validity != uid_validity {
        return Err(Failure::temporary(
            Stage::Command,
            "the server has numbered the folder anew: the message must be found again first",
        ));
    }
    session.uid_store(&uid.to_string(), change).await
}

/// Adds what another round did.
pub(super) fn add(report: &mut Report, other: Report) {
    report.folders += other.folders;
    report.arrived += other.arrived;
    report.fetched += other.fetched;
    report.octets += other.octets;
    report.failed += other.failed;
    report.refused += other.refused;
}
