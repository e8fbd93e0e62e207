//! Autoconfiguration: from a mailbox's address to its servers, by DNS SRV (SC.MSS/CONF.04, RFC 6186, RFC 8314).
//!
//! The person never types a host nor a port, and this client never guesses one: a domain that publishes nothing, or
//! says "." (RFC 2782), is told so. Where a record leads matters as much: RFC 6186 §6 asks for somebody's consent
//! before a target outside the mailbox's own domain is believed. There is nobody to ask here, so such a target is
//! refused, unless it stays within the trust space.

use std::fmt;
use std::net::SocketAddr;

use hickory_proto::rr::rdata::SRV;
use hickory_proto::rr::{Name, RData, RecordType};
use kernel::{Failure, Rng, Stage};

use crate::resolver::{Answer, Resolver, Unanswered};
use crate::{Endpoint, Patience, Security};

/// Domains whose mailboxes may be served from anywhere within them: the MSSanté trust space, where one operator's
/// hosts are not beneath each of its mail domains (spec 01 §3.2; not confirmed by a text of the ANS).
const SHARED: [&str; 1] = ["mssante.fr."];

/// What is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailProtocol {
    /// Where mail is read: `_imap._tcp` (STARTTLS), else `_imaps._tcp`.
    Imap,
    /// Where mail is submitted: `_submission._tcp` (STARTTLS), else `_submissions._tcp`.
    Submission,
}

/// Why a mailbox's servers were not found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DiscoveryError {
    /// What comes after the `@` is no domain name.
    Domain(String),
    /// The DNS did not answer, or answered that it cannot: may be different later.
    NoAnswer {
        /// What was asked for.
        name: String,
        /// What came instead.
        why: String,
    },
    /// The domain publishes no such service.
    NoService {
        /// The domain.
        domain: String,
        /// What was asked for.
        names: String,
    },
    /// The domain says that it decidedly does not offer the service (target ".", RFC 2782).
    NotOffered {
        /// The domain.
        domain: String,
        /// What was asked for.
        names: String,
    },
    /// Every record leads out of the domain: refused (RFC 6186 §6).
    Outside {
        /// The domain.
        domain: String,
        /// Where the records lead.
        targets: String,
    },
    /// The hosts of the records have no address.
    NoAddress {
        /// The hosts.
        targets: String,
    },
}

impl MailProtocol {
    /// In the order in which they are asked for: the requirements speak of STARTTLS (SC.MSS/CONF.05, CONF.06).
    fn services(self) -> [(&'static str, Security); 2] {
        match self {
            Self::Imap => [("_imap._tcp", Security::StartTls), ("_imaps._tcp", Security::Tls)],
            Self::Submission => {
                [("_submission._tcp", Security::StartTls), ("_submissions._tcp", Security::Tls)]
            }
        }
    }

    fn names(self, domain: &str) -> String {
        self.services().map(|(service, _)| format!("{service}.{domain}")).join(", ")
    }
}

impl Resolver {
    /// The servers of `domain` for one protocol, in the order in which to try them (RFC 2782: priority, then weight by
    /// lot), each with its addresses. The second service name is asked for where the first gives nothing.
    ///
    /// # Errors
    /// [`DiscoveryError`]; never an empty list.
    pub async fn discover(
        &self,
        domain: &str,
        protocol: MailProtocol,
        patience: Patience,
    ) -> Result<Vec<Endpoint>, DiscoveryError> {
        let end = patience.end(patience.connect);
        let bad = |_| DiscoveryError::Domain(domain.to_owned());
        let own = Name::from_ascii(format!("{}.", domain.trim_end_matches('.'))).map_err(bad)?;
        let mut lot = Rng::seeded(u64::from_be_bytes(kernel::random::bytes()));
        let (mut withdrawn, mut outside, mut without) = (false, Vec::new(), Vec::new());
        for (service, security) in protocol.services() {
            let name = Name::from_ascii(format!("{service}.{own}")).map_err(bad)?;
            let records = match self.ask(&name, RecordType::SRV, end).await {
                Ok(Answer::Records(records)) => services(records),
                Ok(Answer::Nothing | Answer::NoName) => continue,
                Err(why) => return Err(unanswered(&name, &why)),
            };
            if records.iter().all(|srv| srv.target.is_root()) {
                withdrawn = true;
                continue;
            }
            let mut found = Vec::new();
            for srv in ordered(records, &mut lot) {
                let host = shown(&srv.target);
                if !within(&srv.target, &own) {
                    outside.push(host);
                    continue;
                }
                let addresses = self.addresses(&srv.target, end).await;
                let addresses = addresses.map_err(|why| unanswered(&srv.target, &why))?;
                if addresses.is_empty() {
                    without.push(host);
                    continue;
                }
                found.push(Endpoint { host, port: srv.port, security, addresses });
            }
            if !found.is_empty() {
                return Ok(found);
            }
        }
        let (domain, names) = (shown(&own), protocol.names(domain));
        Err(match (outside.is_empty(), without.is_empty(), withdrawn) {
            (false, ..) => DiscoveryError::Outside { domain, targets: outside.join(", ") },
            (_, false, _) => DiscoveryError::NoAddress { targets: without.join(", ") },
            (_, _, true) => DiscoveryError::NotOffered { domain, names },
            _ => DiscoveryError::NoService { domain, names },
        })
    }
}

impl Endpoint {
    /// The addresses to connect to; empty where the system is to resolve the name.
    pub(crate) fn sockets(&self) -> Vec<SocketAddr> {
        self.addresses.iter().map(|address| SocketAddr::new(*address, self.port)).collect()
    }
}

fn unanswered(name: &Name, why: &Unanswered) -> DiscoveryError {
    let why = match why {
        Unanswered::Silence => "no DNS server answers in time".to_owned(),
        Unanswered::Cut => "the answer is truncated, and the DNS server does not give it over TCP".to_owned(),
        Unanswered::Code(code) => format!("the DNS server answers {code}"),
        Unanswered::Network(error) => format!("the DNS server cannot be reached: {error}"),
    };
    DiscoveryError::NoAnswer { name: shown(name), why }
}

fn services(records: Vec<RData>) -> Vec<SRV> {
    let srv = |data| match data {
        RData::SRV(srv) => Some(srv),
        _ => None,
    };
    records.into_iter().filter_map(srv).collect()
}

/// Whether a target is beneath the mailbox's domain, or within a trust space that both are in.
fn within(target: &Name, own: &Name) -> bool {
    let shared =
        |space: &&str| Name::from_ascii(space).is_ok_and(|space| space.zone_of(target) && space.zone_of(own));
    own.zone_of(target) || SHARED.iter().any(shared)
}

/// Lowest priority first; within one, by lot, in proportion to the weights (RFC 2782). A target "." among others is
/// left out.
fn ordered(records: Vec<SRV>, lot: &mut Rng) -> Vec<SRV> {
    let mut left: Vec<SRV> = records.into_iter().filter(|srv| !srv.target.is_root()).collect();
    // Those of weight 0 come first: they are drawn only where the lot falls on 0.
    left.sort_by_key(|srv| (srv.priority, srv.weight));
    let mut ordered = Vec::with_capacity(left.len());
    while let Some(priority) = left.first().map(|srv| srv.priority) {
        let rivals = left.iter().take_while(|srv| srv.priority == priority);
        let sum: u64 = rivals.clone().map(|srv| u64::from(srv.weight)).sum();
        let drawn = lot.below(sum + 1);
        let mut running = 0;
        let chosen = rivals
            .clone()
            .position(|srv| {
                running += u64::from(srv.weight);
                running >= drawn
            })
            .unwrap_or(0);
        ordered.push(left.remove(chosen));
    }
    ordered
}

fn shown(name: &Name) -> String {
    name.to_ascii().trim_end_matches('.').to_ascii_lowercase()
}

impl fmt::Display for DiscoveryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Domain(domain) => write!(f, "{domain:?} is no domain name"),
            Self::NoAnswer { name, why } => write!(f, "{name} could not be looked up: {why}"),
            Self::NoService { domain, names } => {
                write!(f, "the domain {domain} does not say where its servers are (SRV records {names})")
            }
            Self::NotOffered { domain, names } => {
                write!(
                    f,
                    "the domain {domain} says that it does not offer this service (SRV records {names})"
                )
            }
            Self::Outside { domain, targets } => write!(
                f,
                "refused: the SRV records lead out of the domain {domain}, to {targets} (RFC 6186 section 6)"
            ),
            Self::NoAddress { targets } => {
                write!(f, "the SRV records lead to {targets}, which has no address")
            }
        }
    }
}

impl std::error::Error for DiscoveryError {}

impl From<DiscoveryError> for Failure {
    fn from(error: DiscoveryError) -> Self {
        match error {
            DiscoveryError::NoAnswer { .. } => Self::temporary(Stage::Resolve, error.to_string()),
            _ => Self::permanent(Stage::Resolve, error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn srv(priority: u16, weight: u16, host: &str) -> SRV {
        SRV::new(priority, weight, 1143, Name::from_ascii(host).unwrap())
    }

    #[test]
    fn priority_decides_and_weight_draws_lots() {
        let records =
            || vec![srv(20, 0, "c."), srv(10, 0, "z."), srv(10, 90, "b."), srv(10, 10, "a."), srv(5, 0, ".")];
        let mut lot = Rng::seeded(1);
        let (mut first_b, mut first_z) = (0, 0);
        for _ in 0..1_000 {
            let order: Vec<String> =
                ordered(records(), &mut lot).iter().map(|srv| shown(&srv.target)).collect();
            assert_eq!(
                (order.len(), order[3].as_str()),
                (4, "c"),
                "the highest number comes last, \".\" never"
            );
            first_b += usize::from(order[0] == "b");
            first_z += usize::from(order[0] == "z");
        }
        assert!((850..950).contains(&first_b), "{first_b}");
        assert!((1..50).contains(&first_z), "weight 0 has a very small chance: {first_z}");
    }

    #[test]
    fn a_target_is_believed_within_the_domain_or_the_trust_space() {
        let within = |target: &str, own: &str| {
            within(&Name::from_ascii(target).unwrap(), &Name::from_ascii(own).unwrap())
        };
        assert!(within("imap.mail.a.test.", "mail.a.test."));
        assert!(within("IMAP.mail.A.test.", "mail.a.test."));
        assert!(within("imap.operateur.mssante.fr.", "medecin.mssante.fr."));
        assert!(!within("imap.a.test.", "mail.a.test."));
        assert!(!within("imap.xmail.a.test.", "mail.a.test.") && !within("evilmail.a.test.", "mail.a.test."));
        assert!(
            !within("imap.mssante.fr.", "mail.a.test.") && !within("imap.example.", "medecin.mssante.fr.")
        );
        assert!(!within("xmssante.fr.", "medecin.mssante.fr."));
    }
}
