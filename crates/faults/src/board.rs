use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::Point;
use crate::plan::{Hit, Moment, Plan};

/// The faults armed on the fixed ports, for the window of a run each. Nothing on it outlives the process: after a crash
/// every server behaves.
#[derive(Clone, Debug, Default)]
pub struct Board(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// How many plans are armed: none, and a server asks no further.
    count: AtomicUsize,
    armed: Mutex<Armed>,
}

#[derive(Debug, Default)]
struct Armed {
    last: u64,
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    id: u64,
    mailbox: String,
    plan: Plan,
}

/// Why a plan was not armed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Busy {
    /// One run at a time has faults on a mailbox.
    #[error("faults are armed on {0} already; wait for the end of that run")]
    Mailbox(String),
    /// Before a login nobody can be told from anybody: one such plan at a time.
    #[error("a fault that comes before the login is armed for {0}; wait for the end of that run")]
    Doors(String),
}

impl Board {
    /// Arms a plan for whoever comes to the fixed ports before a login, and for `mailbox` after it, until the guard is
    /// dropped.
    ///
    /// # Errors
    /// [`Busy`] where another plan is in the way.
    pub fn arm(&self, mailbox: &str, plan: Plan) -> Result<Guard, Busy> {
        let mut armed = self.armed();
        if let Some(other) = armed.entries.iter().find(|entry| entry.mailbox.eq_ignore_ascii_case(mailbox)) {
            return Err(Busy::Mailbox(other.mailbox.clone()));
        }
        if plan.begins_before_login()
            && let Some(other) = armed.entries.iter().find(|entry| entry.plan.begins_before_login())
        {
            return Err(Busy::Doors(other.mailbox.clone()));
        }
        armed.last += 1;
        let id = armed.last;
        armed.entries.push(Entry { id, mailbox: mailbox.to_owned(), plan });
        self.0.count.store(armed.entries.len(), Ordering::Release);
        Ok(Guard { board: self.clone(), id })
    }

    fn at(&self, moment: &Moment<'_>) -> Option<Hit> {
        if self.is_empty() {
            return None;
        }
        let plans: Vec<Plan> = {
            let armed = self.armed();
            let meant =
                |entry: &&Entry| moment.mailbox.is_none_or(|one| one.eq_ignore_ascii_case(&entry.mailbox));
            armed.entries.iter().filter(meant).map(|entry| entry.plan.clone()).collect()
        };
        plans.iter().find_map(|plan| plan.at(moment))
    }

    /// Whether nothing is armed; costs no lock.
    pub fn is_empty(&self) -> bool {
        self.0.count.load(Ordering::Acquire) == 0
    }

    fn armed(&self) -> MutexGuard<'_, Armed> {
        self.0.armed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps a plan armed; dropping it disarms.
#[derive(Debug)]
pub struct Guard {
    board: Board,
    id: u64,
}

impl Drop for Guard {
    fn drop(&mut self) {
        let id = self.id;
        let mut armed = self.board.armed();
        armed.entries.retain(|entry| entry.id != id);
        self.board.0.count.store(armed.entries.len(), Ordering::Release);
    }
}

/// Whom one listener asks: the plan of its run on a port of its own, or the board of the fixed ports.
#[derive(Clone, Debug, Default)]
pub enum Asker {
    /// Nothing ever goes wrong.
    #[default]
    Nobody,
    /// A port of its own.
    Plan(Plan),
    /// A fixed port.
    Board(Board),
}

impl Asker {
    /// Whether nothing is armed at all: then a server need not even look where it is.
    pub fn is_quiet(&self) -> bool {
        match self {
            Self::Nobody => true,
            Self::Plan(_) => false,
            Self::Board(board) => board.is_empty(),
        }
    }

    /// Whether any fault that is armed is at this point: what makes a server leave its quickest way.
    pub fn watches(&self, point: Point) -> bool {
        match self {
            Self::Nobody => false,
            Self::Plan(plan) => plan.watches(point),
            Self::Board(board) if board.is_empty() => false,
            Self::Board(board) => board.armed().entries.iter().any(|entry| entry.plan.watches(point)),
        }
    }

    /// Gives a fault back that could not be done: the message or literal was over before its octet `byte`.
    pub fn missed(&self, hit: &Hit) {
        match self {
            Self::Nobody => {}
            Self::Plan(plan) => {
                plan.missed(hit);
            }
            Self::Board(board) => {
                let plans: Vec<Plan> = board.armed().entries.iter().map(|entry| entry.plan.clone()).collect();
                let _ = plans.iter().any(|plan| plan.missed(hit));
            }
        }
    }

    /// The UIDVALIDITY to give for the folders of a mailbox instead of the true one.
    pub fn uid_validity(&self, mailbox: &str) -> Option<u32> {
        match self {
            Self::Nobody => None,
            Self::Plan(plan) => plan.uid_validity(),
            Self::Board(board) if board.is_empty() => None,
            Self::Board(board) => {
                let armed = board.armed();
                let own = armed.entries.iter().find(|entry| entry.mailbox.eq_ignore_ascii_case(mailbox));
                own.and_then(|entry| entry.plan.uid_validity())
            }
        }
    }

    /// What happens at this moment.
    pub fn at(&self, moment: &Moment<'_>) -> Option<Hit> {
        match self {
            Self::Nobody => None,
            Self::Plan(plan) => plan.at(moment),
            Self::Board(board) => board.at(moment),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Point, Protocol};

    fn plan(at: &str) -> Plan {
        Plan::new(format!("[[fault]]\nat = \"{at}\"\ntimes = 0\ndo = \"cut\"").parse().unwrap(), 1)
    }

    #[test]
    fn a_fault_is_for_its_mailbox_and_ends_with_its_guard() {
        let board = Board::default();
        let asker = Asker::Board(board.clone());
        let moment = Moment::new(Protocol::Imap, Point::Idle);
        let guard = board.arm("a@x.test", plan("idle")).unwrap();
        assert!(asker.at(&moment.mailbox(Some("A@x.test"))).is_some());
        assert!(asker.at(&moment.mailbox(Some("b@x.test"))).is_none());
        drop(guard);
        assert!(asker.at(&moment.mailbox(Some("a@x.test"))).is_none());
    }

    #[test]
    fn nothing_outlives_its_guard() {
        let board = Board::default();
        let asker = Asker::Board(board.clone());
        let guard = board.arm("a@x.test", plan("idle")).unwrap();
        assert!(!board.is_empty() && asker.watches(Point::Idle) && !asker.watches(Point::Dot));
        drop(guard);
        assert!(board.is_empty() && !asker.watches(Point::Idle));
        assert!(Board::default().is_empty());
    }

    #[test]
    fn two_plans_that_could_be_taken_for_each_other_are_not_armed_together() {
        let board = Board::default();
        let _guard = board.arm("a@x.test", plan("handshake")).unwrap();
        assert_eq!(board.arm("A@x.test", plan("idle")).unwrap_err(), Busy::Mailbox("a@x.test".into()));
        assert_eq!(board.arm("b@x.test", plan("greeting")).unwrap_err(), Busy::Doors("a@x.test".into()));
        assert!(board.arm("b@x.test", plan("idle")).is_ok());
    }
}
