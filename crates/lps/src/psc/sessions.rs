use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use kernel::{base64url, random, sha256};

use super::{Session, State};

/// The sessions of a server, by an unguessable handle that a browser keeps in a cookie. Memory only: a restart logs
/// everybody out.
pub struct Sessions {
    most: usize,
    /// By the digest of the handle.
    kept: Mutex<HashMap<[u8; 32], Session>>,
}

impl Sessions {
    /// Room for at most so many.
    pub fn new(most: usize) -> Self {
        Self { most, kept: Mutex::default() }
    }

    /// Keeps a session; gives the handle, or the session back where there is no room.
    ///
    /// # Errors
    /// The session, where as many others are still open.
    pub fn insert(&self, session: Session) -> Result<String, Session> {
        if self.lock().len() >= self.most {
            self.sweep();
        }
        let mut kept = self.lock();
        if kept.len() >= self.most {
            return Err(session);
        }
        let handle = base64url(&random::bytes::<32>());
        kept.insert(sha256(handle.as_bytes()), session);
        Ok(handle)
    }

    /// The session of a handle, whatever its state.
    pub fn get(&self, handle: &str) -> Option<Session> {
        self.lock().get(&sha256(handle.as_bytes())).cloned()
    }

    /// Forgets a session; its tokens go when the last connection that uses it does.
    pub fn remove(&self, handle: &str) -> Option<Session> {
        self.lock().remove(&sha256(handle.as_bytes()))
    }

    /// Ends every session of this name at PSC, here alone: what a logout that PSC announces asks for. Gives their
    /// number.
    pub fn end(&self, sid: &str) -> usize {
        let mut kept = self.lock();
        let before = kept.len();
        kept.retain(|_, session| {
            let ends = !sid.is_empty() && session.sid() == sid;
            if ends {
                session.close(State::Over);
            }
            !ends
        });
        before - kept.len()
    }

    /// Locks sessions that nobody uses, wipes their tokens, and forgets those that are over: to be called every minute
    /// or so. Gives how many were locked or over.
    pub fn sweep(&self) -> usize {
        let all: Vec<([u8; 32], Session)> =
            self.lock().iter().map(|(key, session)| (*key, session.clone())).collect();
        let mut shut = 0;
        for (key, session) in all {
            match session.state() {
                State::Over => {
                    self.lock().remove(&key);
                    shut += 1;
                }
                State::Locked => shut += 1,
                State::Active | State::Idle => {}
            }
        }
        shut
    }

    /// How many are kept.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Whether none is kept.
    pub fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<[u8; 32], Session>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner) // insertions and removals are whole
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").field("kept", &self.len()).finish_non_exhaustive()
    }
}
