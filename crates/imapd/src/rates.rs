//! How many connections and commands one address may make.
//!
//! A sandbox is often used by everybody behind one address, and is measured with thousands of commands a second: so
//! the limits are wide, and there to bound harm, not use. An address is forgotten a minute after its last connection.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kernel::Limits;
use tokio::time::Instant;

/// What the limits are counted over.
const WINDOW: Duration = Duration::from_secs(60);
/// Addresses known before those that are not needed any more are forgotten.
const MANY: usize = 4_096;

/// The counts of one listener.
pub(crate) struct Rates {
    at_once: usize,
    connections: u32,
    commands: u32,
    known: Mutex<HashMap<IpAddr, Arc<Address>>>,
}

/// One address. Held by its connections.
pub(crate) struct Address {
    connections: Mutex<Window>,
    commands: Mutex<Window>,
    most_commands: u32,
}

/// Counts within the minute that began with the first.
#[derive(Clone, Copy)]
struct Window {
    since: Instant,
    count: u32,
}

impl Rates {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            at_once: limits.connections_per_address,
            connections: limits.connections_per_minute,
            commands: limits.commands_per_minute,
            known: Mutex::default(),
        }
    }

    /// Counts a connection in; it is open as long as the answer is held. The error is for the client to read.
    pub(crate) fn admit(&self, peer: IpAddr) -> Result<Arc<Address>, String> {
        self.admit_at(peer, Instant::now())
    }

    fn admit_at(&self, peer: IpAddr, now: Instant) -> Result<Arc<Address>, String> {
        let mut known = lock(&self.known);
        if known.len() >= MANY {
            known.retain(|_, address| {
                Arc::strong_count(address) > 1 || !lock(&address.connections).is_over(now)
            });
        }
        let address = known.entry(network(peer)).or_insert_with(|| {
            let window = Window { since: now, count: 0 };
            Arc::new(Address {
                connections: Mutex::new(window),
                commands: Mutex::new(window),
                most_commands: self.commands,
            })
        });
        // One is the map's own.
        if Arc::strong_count(address) > self.at_once {
            return Err(format!("An address may have {} connections at a time; close some", self.at_once));
        }
        if !lock(&address.connections).count(now, self.connections) {
            return Err(format!(
                "An address may connect {} times a minute; try again later",
                self.connections
            ));
        }
        Ok(Arc::clone(address))
    }
}

impl Address {
    /// Counts a command in. The error is for the client to read.
    pub(crate) fn command(&self) -> Result<(), String> {
        self.command_at(Instant::now())
    }

    fn command_at(&self, now: Instant) -> Result<(), String> {
        if lock(&self.commands).count(now, self.most_commands) {
            return Ok(());
        }
        Err(format!("An address may send {} commands a minute; try again later", self.most_commands))
    }
}

impl Window {
    fn is_over(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.since) >= WINDOW
    }

    fn count(&mut self, now: Instant, most: u32) -> bool {
        if self.is_over(now) {
            *self = Self { since: now, count: 0 };
        }
        self.count = self.count.saturating_add(1);
        self.count <= most
    }
}

/// What counts as one address: a whole IPv4 address, the first 64 bits of an IPv6 one.
fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V4(peer) => IpAddr::V4(peer),
        IpAddr::V6(peer) => IpAddr::V6(Ipv6Addr::from_bits(peer.to_bits() >> 64 << 64)),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(at_once: usize, connections: u32, commands: u32) -> Rates {
        let mut limits = Limits::default();
        limits.connections_per_address = at_once;
        limits.connections_per_minute = connections;
        limits.commands_per_minute = commands;
        Rates::new(&limits)
    }

    #[test]
    fn an_address_is_counted_by_itself_and_forgiven_after_a_minute() {
        let rates = rates(2, 4, 3);
        let mut now = Instant::now();
        let (one, other) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
        let first = rates.admit_at(one, now).unwrap();
        let second = rates.admit_at(one, now).unwrap();
        assert!(rates.admit_at(one, now).err().unwrap().contains("2 connections at a time"));
        let _held = rates.admit_at(other, now).unwrap();
        drop(second);
        let _third = rates.admit_at(one, now).unwrap();
        drop(first);
        drop(rates.admit_at(one, now).unwrap());
        assert!(rates.admit_at(one, now).err().unwrap().contains("4 times a minute"));
        now += WINDOW;
        let again = rates.admit_at(one, now).unwrap();
        for _ in 0..3 {
            again.command_at(now).unwrap();
        }
        assert!(again.command_at(now).unwrap_err().contains("3 commands a minute"));
        now += WINDOW;
        again.command_at(now).unwrap();
    }

    #[test]
    fn a_network_of_ipv6_is_one_address_and_many_are_forgotten() {
        let rates = rates(1, 100, 1);
        let mut now = Instant::now();
        let _held = rates.admit_at("2001:db8::1".parse().unwrap(), now).unwrap();
        assert!(rates.admit_at("2001:db8::ffff".parse().unwrap(), now).is_err());
        assert!(rates.admit_at("2001:db8:0:1::1".parse().unwrap(), now).is_ok());
        for n in 0..MANY as u32 {
            rates.admit_at(IpAddr::V4((0x0a00_0000 + n).into()), now).unwrap();
        }
        now += WINDOW;
        rates.admit_at("10.0.0.1".parse().unwrap(), now).unwrap();
        assert!(lock(&rates.known).len() < 10, "only those that are held stay");
    }
}
