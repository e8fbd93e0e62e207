//! Ports: the documented ones, or free ones picked once and kept, because URLs live in certificates and in clients'
//! settings.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener as StdListener};
use std::path::Path;

use bench::{Code, Error, write_private};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::net::TcpListener;

use crate::cli::PortChoice;

/// Every port that the sandbox listens on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ports {
    pub(crate) bench: u16,
    pub(crate) psc: u16,
    pub(crate) pki: u16,
    pub(crate) wallet: u16,
    pub(crate) imap: u16,
    pub(crate) imaps: u16,
    pub(crate) smtp: u16,
    pub(crate) smtps: u16,
}

impl Ports {
    /// The ones of the documentation.
    pub(crate) const DEFAULT: Self = Self {
        bench: 8800,
        psc: 8802,
        pki: 8804,
        wallet: 8805,
        imap: 1143,
        imaps: 1993,
        smtp: 1587,
        smtps: 1465,
    };

    fn named(&self) -> [(&'static str, u16); 8] {
        [
            ("bench", self.bench),
            ("psc", self.psc),
            ("pki", self.pki),
            ("wallet", self.wallet),
            ("imap", self.imap),
            ("imaps", self.imaps),
            ("smtp", self.smtp),
            ("smtps", self.smtps),
        ]
    }

    /// Free ports of the moment.
    fn free() -> std::io::Result<Self> {
        // All held at once, so that they differ.
        let held: Vec<StdListener> =
            (0..8).map(|_| StdListener::bind((Ipv4Addr::LOCALHOST, 0))).collect::<Result<_, _>>()?;
        let mut numbers = held.iter().map(|listener| listener.local_addr().map(|address| address.port()));
        let mut next = || numbers.next().unwrap_or_else(|| Err(std::io::Error::other("no port")));
        Ok(Self {
            bench: next()?,
            psc: next()?,
            pki: next()?,
            wallet: next()?,
            imap: next()?,
            imaps: next()?,
            smtp: next()?,
            smtps: next()?,
        })
    }

    fn are_free(&self) -> bool {
        self.named().iter().all(|(_, port)| StdListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
    }

    /// The ports of this data directory, chosen and kept where they are not yet.
    pub(crate) fn open(data: &Path, choice: Option<PortChoice>, renumber: bool) -> Result<Self, Error> {
        let path = data.join("ports.json");
        let kept: Option<Self> = fs::read(&path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let ports = match (choice, kept) {
            (Some(PortChoice::Default), _) => Self::DEFAULT,
            (_, Some(kept)) if !renumber => return Ok(kept),
            (None, None) => Self::DEFAULT,
            _ => Self::free()?,
        };
        write_private(&path, serde_json::to_string(&ports).expect("ports serialise").as_bytes())?;
        Ok(ports)
    }

    /// For a demonstration that nobody configured: the kept ones, else the documented ones, else free ones.
    pub(crate) fn for_demo(data: &Path) -> Result<Self, Error> {
        let choice = if data.join("ports.json").exists() || Self::DEFAULT.are_free() {
            None
        } else {
            Some(PortChoice::Auto)
        };
        Self::open(data, choice, false)
    }

    /// Takes every port, or none.
    pub(crate) async fn bind(&self) -> Result<Vec<TcpListener>, Error> {
        let mut listeners = Vec::new();
        for (service, port) in self.named() {
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            match TcpListener::bind(address).await {
                Ok(listener) => listeners.push(listener),
                Err(error) => return Err(taken(service, port, &error)),
            }
        }
        Ok(listeners)
    }
}

fn taken(service: &str, port: u16, error: &std::io::Error) -> Error {
    let holder = holder_of(port);
    let by = holder.as_ref().map(|holder| format!(" by {holder}")).unwrap_or_default();
    let message = match error.kind() {
        std::io::ErrorKind::AddrInUse => format!("port {port} ({service}) is in use{by}"),
        _ => format!("port {port} ({service}) cannot be opened: {error}"),
    };
    let next = "Stop its holder, or pick free ports with: vaguemestre up --ports auto --renumber.";
    let detail = json!({"port": port, "service": service, "holder": holder});
    Error::new(Code::PortInUse, message, next).field("ports").detail(detail)
}

/// `name (pid N)` of the process that listens on a port of this machine, where the system lets us see it.
fn holder_of(port: u16) -> Option<String> {
    let inode = ["/proc/net/tcp", "/proc/net/tcp6"].iter().find_map(|table| listening_inode(table, port))?;
    let socket = format!("socket:[{inode}]");
    for process in fs::read_dir("/proc").ok()?.flatten() {
        let name = process.file_name();
        let Some(pid) = name.to_str().filter(|name| name.bytes().all(|byte| byte.is_ascii_digit())) else {
            continue;
        };
        let Ok(descriptors) = fs::read_dir(process.path().join("fd")) else { continue };
        let holds = |link: std::path::PathBuf| {
            fs::read_link(link).is_ok_and(|target| target.as_os_str() == socket.as_str())
        };
        if descriptors.flatten().any(|descriptor| holds(descriptor.path())) {
            let command = fs::read_to_string(process.path().join("comm")).unwrap_or_default();
            return Some(format!("{} (pid {pid})", command.trim()));
        }
    }
    None
}

fn listening_inode(table: &str, port: u16) -> Option<u64> {
    const LISTEN: &str = "0A";
    let text = fs::read_to_string(table).ok()?;
    text.lines().skip(1).find_map(|line| {
        let mut fields = line.split_whitespace();
        let local = fields.nth(1)?;
        let state = fields.nth(1)?;
        let inode = fields.nth(5)?;
        let local_port = u16::from_str_radix(local.rsplit_once(':')?.1, 16).ok()?;
        (local_port == port && state == LISTEN).then(|| inode.parse().ok()).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn automatic_ports_are_picked_once_and_kept_until_renumbered() {
        let dir = tempfile::tempdir().unwrap();
        let first = Ports::open(dir.path(), Some(PortChoice::Auto), false).unwrap();
        assert_eq!(Ports::open(dir.path(), Some(PortChoice::Auto), false).unwrap(), first);
        assert_eq!(Ports::open(dir.path(), None, false).unwrap(), first);
        assert_ne!(Ports::open(dir.path(), Some(PortChoice::Auto), true).unwrap(), first);
        let fresh = tempfile::tempdir().unwrap();
        assert_eq!(Ports::open(fresh.path(), None, false).unwrap(), Ports::DEFAULT);
    }

    #[tokio::test]
    async fn a_taken_port_is_named_with_its_holder() {
        let dir = tempfile::tempdir().unwrap();
        let ports = Ports::open(dir.path(), Some(PortChoice::Auto), false).unwrap();
        let _held = TcpListener::bind((Ipv4Addr::LOCALHOST, ports.smtp)).await.unwrap();
        let error = ports.bind().await.unwrap_err();
        assert_eq!(error.code, Code::PortInUse);
        assert!(error.message.contains(&ports.smtp.to_string()), "{}", error.message);
        let pid = format!("(pid {})", std::process::id());
        assert!(
            error.detail["holder"].as_str().is_some_and(|holder| holder.ends_with(&pid)),
            "{}",
            error.detail
        );
    }
}
