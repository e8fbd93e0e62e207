//! Ports: the documented ones, or free ones picked once and kept, because URLs live in certificates and in clients'
//! settings.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener as StdListener, UdpSocket as StdSocket};
use std::path::Path;

use bench::{Code, Error, write_private};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::net::{TcpListener, UdpSocket};

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
    /// The directory's API. 0 as for `dns`.
    #[serde(default)]
    pub(crate) directory: u16,
    /// The host API of the LPS side. 0 as for `dns`.
    #[serde(default)]
    pub(crate) lps: u16,
    /// UDP and TCP. 0 in a file that was kept before there was one: picked at the next start.
    #[serde(default)]
    pub(crate) dns: u16,
}

/// Every port, taken.
#[derive(Debug)]
pub(crate) struct Listeners {
    /// In the order of [`Ports`]'s fields, without the LPS side and DNS.
    pub(crate) tcp: Vec<TcpListener>,
    /// The LPS side's.
    pub(crate) lps: TcpListener,
    /// One port, both ways.
    pub(crate) dns: (UdpSocket, TcpListener),
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
        directory: 8803,
        lps: 8801,
        dns: 1053,
    };

    fn named(&self) -> [(&'static str, u16); 10] {
        [
            ("bench", self.bench),
            ("psc", self.psc),
            ("pki", self.pki),
            ("wallet", self.wallet),
            ("imap", self.imap),
            ("imaps", self.imaps),
            ("smtp", self.smtp),
            ("smtps", self.smtps),
            ("directory", self.directory),
            ("lps", self.lps),
        ]
    }

    /// Free ports of the moment.
    fn free() -> std::io::Result<Self> {
        // All held at once, so that they differ.
        let held: Vec<StdListener> =
            (0..10).map(|_| StdListener::bind((Ipv4Addr::LOCALHOST, 0))).collect::<Result<_, _>>()?;
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
            directory: next()?,
            lps: next()?,
            dns: free_both_ways()?,
        })
    }

    fn are_free(&self) -> bool {
        let free = |port: u16| StdListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
        self.named().iter().all(|(_, port)| free(*port))
            && free(self.dns)
            && StdSocket::bind((Ipv4Addr::LOCALHOST, self.dns)).is_ok()
    }

    /// The ports of this data directory, chosen and kept where they are not yet; `dns` takes over for DNS alone, and is
    /// kept too.
    pub(crate) fn open(
        data: &Path,
        choice: Option<PortChoice>,
        renumber: bool,
        dns: Option<u16>,
    ) -> Result<Self, Error> {
        let path = data.join("ports.json");
        let kept: Option<Self> = fs::read(&path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let mut ports = match (choice, kept) {
            (Some(PortChoice::Default), _) => Self::DEFAULT,
            (_, Some(kept)) if !renumber => kept,
            (None, None) => Self::DEFAULT,
            _ => Self::free()?,
        };
        if let Some(dns) = dns {
            ports.dns = dns;
        } else if ports.dns == 0 {
            // Kept before there was a DNS: the documented port beside the documented ones, else one that is free.
            ports.dns =
                if ports.bench == Self::DEFAULT.bench { Self::DEFAULT.dns } else { free_both_ways()? };
        }
        if ports.directory == 0 {
            let is_documented = ports.bench == Self::DEFAULT.bench;
            ports.directory = if is_documented { Self::DEFAULT.directory } else { free()? };
        }
        if ports.lps == 0 {
            ports.lps = if ports.bench == Self::DEFAULT.bench { Self::DEFAULT.lps } else { free()? };
        }
        if kept != Some(ports) {
            write_private(&path, serde_json::to_string(&ports).expect("ports serialise").as_bytes())?;
        }
        Ok(ports)
    }

    /// For a demonstration that nobody configured: the kept ones, else the documented ones, else free ones.
    pub(crate) fn for_demo(data: &Path) -> Result<Self, Error> {
        let choice = if data.join("ports.json").exists() || Self::DEFAULT.are_free() {
            None
        } else {
            Some(PortChoice::Auto)
        };
        Self::open(data, choice, false, None)
    }

    /// Takes every port, or none.
    pub(crate) async fn bind(&self) -> Result<Listeners, Error> {
        let mut tcp = Vec::new();
        for (service, port) in self.named() {
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            match TcpListener::bind(address).await {
                Ok(listener) => tcp.push(listener),
                Err(error) => return Err(taken(service, port, &error)),
            }
        }
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.dns));
        let dns = dns::bind(address).await.map_err(|error| taken("dns", self.dns, &error))?;
        let lps = tcp.pop().expect("the LPS side's is the last one");
        Ok(Listeners { tcp, lps, dns })
    }
}

/// A port that is free for TCP at the moment.
fn free() -> std::io::Result<u16> {
    Ok(StdListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// A port that is free for UDP and TCP at the moment.
fn free_both_ways() -> std::io::Result<u16> {
    let mut last = std::io::Error::other("no port");
    for _ in 0..32 {
        let port = StdListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        match StdSocket::bind((Ipv4Addr::LOCALHOST, port)) {
            Ok(_) => return Ok(port),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn taken(service: &str, port: u16, error: &std::io::Error) -> Error {
    let holder = holder_of(port);
    let by = holder.as_ref().map(|holder| format!(" by {holder}")).unwrap_or_default();
    let detail = json!({"port": port, "service": service, "holder": holder});
    if error.kind() == std::io::ErrorKind::PermissionDenied {
        let message = format!("port {port} ({service}) cannot be opened without a right of its own: {error}");
        let next = "Give it (sudo setcap cap_net_bind_service=+ep on this program, or sudo sysctl \
                    net.ipv4.ip_unprivileged_port_start=53), or take a port above 1023 (--dns-port 1053).";
        return Error::new(Code::Forbidden, message, next).field("ports").detail(detail);
    }
    let message = match error.kind() {
        std::io::ErrorKind::AddrInUse => format!("port {port} ({service}) is in use{by}"),
        _ => format!("port {port} ({service}) cannot be opened: {error}"),
    };
    let next = match service {
        "dns" => "Stop its holder, or pick another port with --dns-port N (kept for the next starts).",
        _ => "Stop its holder, or pick free ports with: vaguemestre up --ports auto --renumber.",
    };
    Error::new(Code::PortInUse, message, next).field("ports").detail(detail)
}

/// `name (pid N)` of the process that listens on a port of this machine, where the system lets us see it.
fn holder_of(port: u16) -> Option<String> {
    let inode = ["tcp", "tcp6", "udp", "udp6"].iter().find_map(|table| listening_inode(table, port))?;
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
    // A UDP socket that waits for anybody is in the state that TCP calls closed.
    let listening = if table.starts_with("udp") { "07" } else { "0A" };
    let text = fs::read_to_string(format!("/proc/net/{table}")).ok()?;
    text.lines().skip(1).find_map(|line| {
        let mut fields = line.split_whitespace();
        let local = fields.nth(1)?;
        let state = fields.nth(1)?;
        let inode = fields.nth(5)?;
        let local_port = u16::from_str_radix(local.rsplit_once(':')?.1, 16).ok()?;
        (local_port == port && state == listening).then(|| inode.parse().ok()).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn automatic_ports_are_picked_once_and_kept_until_renumbered() {
        let dir = tempfile::tempdir().unwrap();
        let open = |choice, renumber| Ports::open(dir.path(), choice, renumber, None).unwrap();
        let first = open(Some(PortChoice::Auto), false);
        assert_eq!(open(Some(PortChoice::Auto), false), first);
        assert_eq!(open(None, false), first);
        assert_ne!(open(Some(PortChoice::Auto), true), first);
        let fresh = tempfile::tempdir().unwrap();
        assert_eq!(Ports::open(fresh.path(), None, false, None).unwrap(), Ports::DEFAULT);
    }

    #[test]
    fn the_dns_port_is_chosen_apart_and_a_file_from_before_it_is_still_read() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("ports.json");
        let open = |dns| Ports::open(dir.path(), None, false, dns).unwrap();
        let before = r#"{"bench":8800,"psc":1,"pki":2,"wallet":3,"imap":4,"imaps":5,"smtp":6,"smtps":7}"#;
        fs::write(&file, before).unwrap();
        assert_eq!((open(None).dns, open(None).imap), (1053, 4));
        assert_eq!(open(Some(5353)).dns, 5353);
        assert_eq!(open(None).dns, 5353, "it is kept");
        fs::write(&file, before.replace("8800", "30001")).unwrap();
        let picked = open(None).dns;
        assert!(picked != 1053 && picked != 0, "another sandbox may have the documented one");
        assert_eq!(open(None).dns, picked);
    }

    #[test]
    fn a_port_that_needs_a_right_says_which() {
        let error = taken("dns", 53, &std::io::Error::from(std::io::ErrorKind::PermissionDenied));
        assert_eq!(error.code, Code::Forbidden);
        assert!(error.message.contains("port 53 (dns)") && error.next.contains("--dns-port"), "{error:?}");
    }

    #[tokio::test]
    async fn a_dns_port_taken_for_datagrams_alone_is_named_with_its_holder() {
        let dir = tempfile::tempdir().unwrap();
        let ports = Ports::open(dir.path(), Some(PortChoice::Auto), false, None).unwrap();
        let _held = UdpSocket::bind((Ipv4Addr::LOCALHOST, ports.dns)).await.unwrap();
        let error = ports.bind().await.unwrap_err();
        assert_eq!((error.code, error.detail["service"].as_str()), (Code::PortInUse, Some("dns")));
        let pid = format!("(pid {})", std::process::id());
        assert!(error.message.contains(&pid), "{}", error.message);
    }

    #[tokio::test]
    async fn a_taken_port_is_named_with_its_holder() {
        let dir = tempfile::tempdir().unwrap();
        let ports = Ports::open(dir.path(), Some(PortChoice::Auto), false, None).unwrap();
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
