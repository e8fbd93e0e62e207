//! Good tokens that are refused on purpose.
//!
//! A real operator was seen to refuse a freshly renewed, valid token and to take one minutes later (spec 01 §3.3). A
//! client must then drop the token, ask Pro Santé Connect for another one and reconnect once; this is how the bench
//! gives it the occasion.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::Operator;

/// Keeps one mailbox armed: the first token presented for it is refused each time it comes, any other good one passes.
/// Dropping it disarms the mailbox.
#[must_use = "the mailbox is disarmed when this is dropped"]
#[derive(Debug)]
pub struct RefuseFirstToken {
    refusals: Arc<Refusals>,
    address: String,
    number: u64,
}

impl RefuseFirstToken {
    /// SHA-256, in hexadecimal, of the token that is refused; `None` as long as none was presented.
    pub fn token_sha256(&self) -> Option<String> {
        let armed = self.refusals.armed();
        armed.mailboxes.get(&self.address).filter(|one| one.number == self.number)?.token.clone()
    }
}

impl Drop for RefuseFirstToken {
    fn drop(&mut self) {
        let mut armed = self.refusals.armed();
        if armed.mailboxes.get(&self.address).is_some_and(|one| one.number == self.number) {
            armed.mailboxes.remove(&self.address);
        }
    }
}

impl Operator {
    /// Arms a mailbox (its address, in any case). The first token presented for it, recognised by its SHA-256, is
    /// refused from then on as an expired one is, with the code `token_refused`: IMAP `NO [AUTHENTICATIONFAILED]`, SMTP
    /// 334 with the JSON status 401, then 535. A token that is refused for its expiry counts as the first one. Arming
    /// again starts afresh, and makes the earlier guard idle.
    pub fn refuse_first_token(&self, mailbox: &str) -> RefuseFirstToken {
        self.shared.refusals.arm(mailbox)
    }
}

/// The mailboxes that are armed.
#[derive(Debug, Default)]
pub(crate) struct Refusals(Mutex<Armed>);

#[derive(Debug, Default)]
struct Armed {
    mailboxes: HashMap<String, One>,
    next: u64,
}

#[derive(Debug)]
struct One {
    number: u64,
    token: Option<String>,
}

impl Refusals {
    /// Notes a token presented for a mailbox; whether it must be refused.
    pub(crate) fn refuses(&self, address: &str, sha256: impl FnOnce() -> String) -> bool {
        let mut armed = self.armed();
        let Some(one) = armed.mailboxes.get_mut(&address.to_lowercase()) else { return false };
        let sha256 = sha256();
        *one.token.get_or_insert_with(|| sha256.clone()) == sha256
    }

    fn arm(self: &Arc<Self>, mailbox: &str) -> RefuseFirstToken {
        let address = mailbox.to_lowercase();
        let mut armed = self.armed();
        armed.next += 1;
        let number = armed.next;
        armed.mailboxes.insert(address.clone(), One { number, token: None });
        drop(armed);
        RefuseFirstToken { refusals: Arc::clone(self), address, number }
    }

    fn armed(&self) -> MutexGuard<'_, Armed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_token_is_refused_each_time_and_no_other_one() {
        let refusals = Arc::new(Refusals::default());
        let presents = |token: &str| refusals.refuses("a@lab", || token.to_owned());
        assert!(!presents("A"));
        let guard = refusals.arm("A@Lab");
        assert_eq!(guard.token_sha256(), None);
        assert!(presents("A") && presents("A"));
        assert!(!presents("B"));
        assert!(presents("A"));
        assert!(!refusals.refuses("b@lab", || "C".into()));
        assert_eq!(guard.token_sha256().as_deref(), Some("A"));
        let again = refusals.arm("a@lab");
        assert!(presents("B"));
        drop(guard); // an older guard disarms nothing
        assert!(presents("B") && !presents("A"));
        drop(again);
        assert!(!presents("B"));
    }
}
