//! How fast is too fast: messages of a mailbox, connections and commands of an address.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kernel::{Limits, Timestamp};
use tokio::time::Instant;

/// Past so many mailboxes or addresses, those that have been quiet for a minute are forgotten.
const MOST: usize = 10_000;
const MINUTE: Duration = Duration::from_secs(60);

/// How much each mailbox has sent within the last minute: one for all the listeners of a server.
#[derive(Debug, Default)]
pub struct Rates(Mutex<HashMap<String, VecDeque<Timestamp>>>);

impl Rates {
    /// Counts a message of `mailbox` (lower case) at `now`, of which any minute may hold `most`. `Some` says how long
    /// the mailbox must wait; the message is then not counted.
    pub(crate) fn take(&self, mailbox: &str, most: u32, now: Timestamp) -> Option<Duration> {
        let mut all = lock(&self.0);
        let recent = |sent: &Timestamp| now.duration_since(*sent).unsigned_abs() < MINUTE;
        if all.len() >= MOST {
            all.retain(|_, sent| sent.back().is_some_and(recent));
        }
        let sent = all.entry(mailbox.to_owned()).or_default();
        while sent.front().is_some_and(|first| !recent(first)) {
            sent.pop_front();
        }
        if sent.len() < usize::try_from(most).unwrap_or(usize::MAX) {
            sent.push_back(now);
            return None;
        }
        let first = sent.front().copied().unwrap_or(now);
        Some(MINUTE.saturating_sub(now.duration_since(first).unsigned_abs()))
    }
}

/// The addresses that are, or were lately, connected to one listener.
#[derive(Default)]
pub(crate) struct Addresses(Mutex<HashMap<IpAddr, Arc<Address>>>);

struct Address(Mutex<Counts>);

struct Counts {
    open: usize,
    connections: Window,
    commands: Window,
}

/// Events of the present minute.
struct Window {
    since: Instant,
    count: u32,
}

impl Addresses {
    /// Lets a connection in, or says why not.
    pub(crate) fn admit(&self, peer: IpAddr, limits: &Limits) -> Result<Visitor, String> {
        let mut all = lock(&self.0);
        if all.len() >= MOST {
            all.retain(|_, address| {
                let counts = lock(&address.0);
                counts.open > 0 || counts.connections.since.elapsed() < MINUTE
            });
        }
        let address = Arc::clone(all.entry(network(peer)).or_insert_with(|| {
            let window = || Window { since: Instant::now(), count: 0 };
            Arc::new(Address(Mutex::new(Counts { open: 0, connections: window(), commands: window() })))
        }));
        drop(all);
        let mut counts = lock(&address.0);
        if counts.open >= limits.connections_per_address {
            return Err(format!("at most {} connections from one address", limits.connections_per_address));
        }
        if !counts.connections.take(limits.connections_per_minute) {
            return Err(format!(
                "at most {} connections a minute from one address",
                limits.connections_per_minute
            ));
        }
        counts.open += 1;
        drop(counts);
        Ok(Visitor(address))
    }
}

/// One connection of an address.
pub(crate) struct Visitor(Arc<Address>);

impl Visitor {
    /// Counts a command; whether the address may still say it.
    pub(crate) fn command(&self, most: u32) -> bool {
        lock(&self.0.0).commands.take(most)
    }
}

impl Drop for Visitor {
    fn drop(&mut self) {
        let mut counts = lock(&self.0.0);
        counts.open = counts.open.saturating_sub(1);
    }
}

impl Window {
    fn take(&mut self, most: u32) -> bool {
        if self.since.elapsed() >= MINUTE {
            (self.since, self.count) = (Instant::now(), 0);
        }
        if self.count >= most {
            return false;
        }
        self.count += 1;
        true
    }
}

/// What counts as one address: an IPv6 network of 64 bits is one house.
fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() >> 64 << 64).into()),
        v4 => v4,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_minute_holds_so_many_messages() {
        let rates = Rates::default();
        let at = |second: i64| Timestamp::from_second(1_800_000_000 + second).unwrap();
        assert_eq!(rates.take("a@b", 2, at(0)), None);
        assert_eq!(rates.take("a@b", 2, at(50)), None);
        assert_eq!(rates.take("a@b", 2, at(59)), Some(Duration::from_secs(1)));
        assert_eq!(rates.take("c@d", 2, at(59)), None);
        assert_eq!(rates.take("a@b", 2, at(60)), None);
        assert_eq!(rates.take("a@b", 2, at(61)), Some(Duration::from_secs(49)));
    }

    #[test]
    fn one_house_is_one_address() {
        let mut limits = Limits::default();
        (limits.connections_per_address, limits.connections_per_minute) = (2, 3);
        let all = Addresses::default();
        let come = |peer: &str| all.admit(peer.parse().unwrap(), &limits);
        let (first, second) = (come("2001:db8::1"), come("2001:db8::2"));
        assert!(first.is_ok() && second.is_ok());
        assert!(come("2001:db8::3").err().unwrap().contains("at most 2 connections"));
        assert!(come("::ffff:192.0.2.1").is_ok());
        drop(first);
        assert!(come("2001:db8::3").is_ok());
        assert!(come("2001:db8::3").err().unwrap().contains("a minute"));
        let visitor = second.unwrap();
        assert!(visitor.command(1) && !visitor.command(1));
    }
}
