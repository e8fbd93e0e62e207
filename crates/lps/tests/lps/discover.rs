//! Autoconfiguration against a DNS that is right, and against each way in which it is not.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dns::{Fault, MailPorts, Sandbox, Zone};
use lps::adapter::Outcome;
use lps::{DiscoveryError, MailProtocol, Resolver, Security};
use serde_json::{Value, json};
use tokio::net::UdpSocket;
use tokio::sync::watch;

use crate::adapter::{Desk, submission};
use crate::peer::patience;

/// The domain of `peer::address`, whose certificate the lab has.
const MAIL: &str = "mail.example.test";

/// A DNS that answers as long as it is kept.
struct Dns {
    server: Arc<dns::Server>,
    address: SocketAddr,
    _stop: watch::Sender<bool>,
}

impl Dns {
    async fn with(imap: u16, submission: u16) -> Self {
        let zone = Zone::sandbox(&Sandbox {
            domain: "example.test".into(),
            mail_domains: vec![MAIL.into()],
            ports: MailPorts { imap, imaps: 1993, submission, submissions: 1465 },
            addresses: vec!["127.0.0.1".parse().unwrap()],
        });
        let server = Arc::new(dns::Server::new(zone.unwrap()));
        let (udp, tcp) = dns::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = udp.local_addr().unwrap();
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(dns::serve(udp, tcp, Arc::clone(&server), stopped));
        Self { server, address, _stop: stop }
    }

    fn arm(&self, suffix: &str, fault: &str) -> dns::Guard {
        self.server.arm(suffix, fault.parse().unwrap(), None).unwrap()
    }

    fn resolver(&self) -> Resolver {
        Resolver::new(self.address).with_wait(Duration::from_millis(200))
    }

    async fn look(&self) -> Result<(String, u16, Security), DiscoveryError> {
        let found = self.resolver().discover(MAIL, MailProtocol::Imap, patience()).await?;
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].addresses, ["127.0.0.1".parse::<std::net::IpAddr>().unwrap()]);
        Ok((found[0].host.clone(), found[0].port, found[0].security))
    }
}

fn starttls() -> (String, u16, Security) {
    (format!("imap.{MAIL}"), 1143, Security::StartTls)
}

#[tokio::test]
async fn the_servers_come_from_the_records_starttls_first() {
    let dns = Dns::with(1143, 1587).await;
    assert_eq!(dns.look().await.unwrap(), starttls());
    let found = dns.resolver().discover(MAIL, MailProtocol::Submission, patience()).await.unwrap();
    assert_eq!((found[0].host.as_str(), found[0].port), ("smtp.mail.example.test", 1587));
    // STARTTLS withdrawn, or not there: the other service name.
    for fault in ["not-offered", "nxdomain"] {
        let _guard = dns.arm(&format!("_imap._tcp.{MAIL}"), fault);
        assert_eq!(dns.look().await.unwrap(), (format!("imap.{MAIL}"), 1993, Security::Tls), "{fault}");
    }
    let _guard = dns.arm(&format!("_imap._tcp.{MAIL}"), "changed-target=imap2.mail.example.test:4143");
    assert_eq!(dns.look().await.unwrap(), ("imap2.mail.example.test".into(), 4143, Security::StartTls));
}

#[tokio::test]
async fn what_is_not_there_is_told_apart_from_what_could_not_be_known() {
    let dns = Dns::with(1143, 1587).await;
    let names = format!("_imap._tcp.{MAIL}, _imaps._tcp.{MAIL}");
    let guard = dns.arm(MAIL, "not-offered");
    assert_eq!(
        dns.look().await,
        Err(DiscoveryError::NotOffered { domain: MAIL.into(), names: names.clone() })
    );
    drop(guard);
    let guard = dns.arm(MAIL, "nxdomain");
    assert_eq!(dns.look().await, Err(DiscoveryError::NoService { domain: MAIL.into(), names }));
    drop(guard);
    for (fault, word) in [
        ("servfail", "Server Failure"),
        ("refused", "Query Refused"),
        ("silent", "no DNS server answers"),
        ("wrong-id", "no DNS server answers"),
        ("slow=800ms", "no DNS server answers"),
        ("truncate-without-tcp", "truncated"),
    ] {
        let _guard = dns.arm(MAIL, fault);
        let Err(DiscoveryError::NoAnswer { name, why }) = dns.look().await else { panic!("{fault}") };
        assert_eq!(name, format!("_imap._tcp.{MAIL}"));
        assert!(why.contains(word), "{fault}: {why}");
    }
    let guard = dns.arm(&format!("imap.{MAIL}"), "nxdomain");
    assert_eq!(
        dns.look().await,
        Err(DiscoveryError::NoAddress { targets: format!("imap.{MAIL}, imap.{MAIL}") })
    );
    drop(guard);
    assert_eq!(dns.look().await.unwrap(), starttls());
}

#[tokio::test]
async fn a_target_out_of_the_domain_is_refused() {
    let dns = Dns::with(1143, 1587).await;
    let _guard = dns.arm(MAIL, "changed-target=imap.ailleurs.example:1143");
    let Err(DiscoveryError::Outside { targets, .. }) = dns.look().await else { panic!("it was followed") };
    assert!(targets.starts_with("imap.ailleurs.example"));
}

#[tokio::test]
async fn what_was_cut_is_read_over_tcp_and_a_slow_or_lost_answer_is_waited_for() {
    let dns = Dns::with(1143, 1587).await;
    let guard = dns.arm(MAIL, "truncate");
    assert_eq!(dns.look().await.unwrap(), starttls());
    assert!(guard.used() >= 2, "asked again over TCP");
    drop(guard);
    let guard = dns.arm(MAIL, "slow=50ms");
    assert_eq!(dns.look().await.unwrap(), starttls());
    drop(guard);
    let _guard = dns.server.arm(MAIL, Fault::Silent, Some(1)).unwrap();
    assert_eq!(dns.look().await.unwrap(), starttls(), "asked again");
}

#[tokio::test]
async fn an_answer_is_kept_for_its_time_and_no_longer() {
    let dns = Dns::with(1143, 1587).await;
    let resolver = dns.resolver();
    let look = || resolver.discover(MAIL, MailProtocol::Imap, patience());
    let first = look().await.unwrap();
    let guard = dns.arm(MAIL, "servfail");
    assert_eq!(look().await.unwrap(), first, "kept");
    assert_eq!(guard.used(), 0);
    resolver.forget();
    assert!(look().await.is_err());
    drop(guard);
    let first = look().await.unwrap();
    let _guard = dns.arm(MAIL, "servfail");
    tokio::time::sleep(Duration::from_millis(1_050)).await;
    assert!(look().await.is_err(), "the records say one second: {first:?}");
}

#[tokio::test]
async fn a_server_that_answers_nothing_sensible_ends_in_time() {
    let noise = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let resolver = Resolver::new(noise.local_addr().unwrap()).with_wait(Duration::from_millis(150));
    tokio::spawn(async move {
        let mut buffer = [0; 1_500];
        while let Ok((length, peer)) = noise.recv_from(&mut buffer).await {
            for octets in [&b"?"[..], &buffer[..length], &[0xFF; 300]] {
                let _ = noise.send_to(octets, peer).await;
            }
        }
    });
    let start = Instant::now();
    let found = resolver.discover(MAIL, MailProtocol::Imap, patience()).await;
    assert!(matches!(found, Err(DiscoveryError::NoAnswer { .. })), "{found:?}");
    assert!(start.elapsed() < Duration::from_secs(2));
    let nobody = Resolver::new("127.0.0.1:9".parse().unwrap());
    let found = nobody.discover("pas un domaine..", MailProtocol::Imap, patience()).await;
    assert!(matches!(found, Err(DiscoveryError::Domain(_))), "{found:?}");
}

fn by_dns(request: &mut Value, dns: &Dns) {
    request["dns"] = json!({"host": "127.0.0.1", "port": dns.address.port(), "domains": ["example.test"]});
}

#[tokio::test]
async fn the_adapter_goes_where_the_dns_says_and_trusts_the_name_that_it_gave() {
    let desk = Desk::new().await;
    let server = submission(&desk.lab).await;
    let dns = Dns::with(1143, server.port).await;
    let message = json!({"to":["a@b.fr"],"subject":"Essai","text":"mark-42","documents":[],"facts":{}});
    let send = |change: fn(&mut Value)| {
        let (dns, message) = (&dns, &message);
        desk.run("send", move |request| {
            by_dns(request, dns);
            request["message"] = message.clone();
            change(request);
        })
    };
    let response = send(|_| ()).await;
    assert_eq!(response.outcome, Outcome::Done, "{response:?}");
    assert!(server.heard().iter().any(|line| line == "mark-42"));

    let connections = server.connections();
    let away = format!("changed-target=smtp.ailleurs.example:{}", server.port);
    let guard = dns.arm(MAIL, &away);
    let response = send(|_| ()).await;
    assert_eq!(response.outcome, Outcome::Refused, "{response:?}");
    assert!(response.detail.contains("smtp.ailleurs.example"), "{response:?}");
    drop(guard);
    let _guard = dns.arm(MAIL, "nxdomain");
    let response = send(|_| ()).await;
    assert_eq!(response.outcome, Outcome::Error, "{response:?}");
    assert!(
        response.detail.starts_with("resolve: the domain mail.example.test does not say"),
        "{response:?}"
    );
    assert_eq!(server.connections(), connections, "nobody was connected to");
    // Without a DNS nothing is guessed.
    let response = send(|request| request["dns"] = Value::Null).await;
    assert!(response.detail.contains("\"smtp\""), "{response:?}");
}
