use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use hickory_proto::rr::rdata::{A, AAAA, NS, SOA, SRV};
use hickory_proto::rr::{Name, RData, Record, RecordType};

use crate::name::{BadName, absolute};

/// How long an answer may be kept, in seconds; also the `minimum` of the SOA, for answers that say no (RFC 2308).
///
/// One second: a client that obeys it sees a fault as soon as it is armed, and health as soon as it is over.
pub const TTL: u32 = 1;

/// Refresh, retry and expire of the SOA: for secondary servers, which a sandbox does not have.
const SOA_TIMES: (i32, i32, i32) = (3_600, 600, 86_400);

/// The ports of the sandbox's mail servers, one for each way in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MailPorts {
    /// IMAP, then STARTTLS: `_imap._tcp` (RFC 6186).
    pub imap: u16,
    /// IMAP in TLS from the first octet: `_imaps._tcp` (RFC 6186).
    pub imaps: u16,
    /// Submission, then STARTTLS: `_submission._tcp` (RFC 6186).
    pub submission: u16,
    /// Submission in TLS from the first octet: `_submissions._tcp` (RFC 8314 §5.1).
    pub submissions: u16,
}

/// What the sandbox's zone is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sandbox {
    /// The domain of the whole sandbox, such as `vaguemestre.test`: hosts named as MOTCO2 names its own are in it.
    pub domain: String,
    /// The domains of mailboxes, such as `mail-tests-editeur.vaguemestre.test`.
    pub mail_domains: Vec<String>,
    /// Where the mail servers listen.
    pub ports: MailPorts,
    /// The addresses on which they listen. An AAAA record is published only where an IPv6 address is given: one that
    /// nobody answers on would cost each client a time-out.
    pub addresses: Vec<IpAddr>,
}

/// Names and what is known of them. Names are compared without case (RFC 4343).
#[derive(Clone, Debug)]
pub struct Zone {
    /// Apexes, none beneath another.
    origins: Vec<Name>,
    records: HashMap<Name, Vec<RData>>,
    /// Every name that exists, those included that only have names beneath them (RFC 8020).
    names: HashSet<Name>,
    addresses: Vec<IpAddr>,
}

/// What a zone has to say to one question.
#[derive(Debug)]
pub(crate) enum Found {
    /// Records of that type, and records that help with them.
    Records { answers: Vec<Record>, additionals: Vec<Record> },
    /// The name exists, without that type (NODATA); the SOA says for how long that holds.
    Nothing(Record),
    /// The name does not exist; idem.
    NoName(Record),
    /// Not a name of ours.
    Foreign,
}

impl Zone {
    /// The sandbox's names: for each mail domain the SRV records of RFC 6186 and RFC 8314 with the real ports, towards
    /// `imap.` and `smtp.` beneath that domain (RFC 6186 §6: a target elsewhere needs somebody's consent), and
    /// `autoconfig.` beneath it; in the sandbox's domain `mail-psc-tests-editeur` and `mail-org-tests-editeur`, as in
    /// MOTCO2; SOA, NS and addresses.
    ///
    /// # Errors
    /// Where a domain is no domain name.
    pub fn sandbox(plan: &Sandbox) -> Result<Self, BadName> {
        let domain = absolute(&plan.domain)?;
        let mail: Vec<Name> =
            plan.mail_domains.iter().map(|text| absolute(text)).collect::<Result<_, _>>()?;
        let mut origins: Vec<Name> = Vec::new();
        let mut apexes: Vec<&Name> = mail.iter().chain([&domain]).collect();
        apexes.sort_by_key(|name| name.num_labels());
        for apex in apexes {
            if !origins.iter().any(|origin| origin.zone_of(apex)) {
                origins.push(apex.clone());
            }
        }
        let mut zone = Self {
            origins: origins.clone(),
            records: HashMap::new(),
            names: HashSet::new(),
            addresses: plan.addresses.clone(),
        };
        for origin in &origins {
            let server = beneath("ns", origin)?;
            zone.add(origin, soa(origin)?);
            zone.add(origin, RData::NS(NS(server.clone())));
            zone.add_addresses(&server);
        }
        zone.add_addresses(&domain);
        for host in ["mail-psc-tests-editeur", "mail-org-tests-editeur"] {
            zone.add_addresses(&beneath(host, &domain)?);
        }
        for mail_domain in &mail {
            let (imap, smtp) = (beneath("imap", mail_domain)?, beneath("smtp", mail_domain)?);
            for (service, port, target) in [
                ("_imap._tcp", plan.ports.imap, &imap),
                ("_imaps._tcp", plan.ports.imaps, &imap),
                ("_submission._tcp", plan.ports.submission, &smtp),
                ("_submissions._tcp", plan.ports.submissions, &smtp),
            ] {
                zone.add(&beneath(service, mail_domain)?, RData::SRV(SRV::new(0, 1, port, target.clone())));
            }
            for host in [mail_domain, &imap, &smtp, &beneath("autoconfig", mail_domain)?] {
                zone.add_addresses(host);
            }
        }
        Ok(zone)
    }

    /// The apexes: what a resolver must be told to ask this server for, without final dots.
    pub fn origins(&self) -> Vec<String> {
        self.origins.iter().map(crate::name::shown).collect()
    }

    pub(crate) fn find(&self, name: &Name, kind: RecordType) -> Found {
        let Some(origin) = self.origins.iter().find(|origin| origin.zone_of(name)) else {
            return Found::Foreign;
        };
        let Some(known) = self.records.get(name) else {
            let soa = self.soa(origin);
            return if self.names.contains(name) { Found::Nothing(soa) } else { Found::NoName(soa) };
        };
        let wanted = |data: &&RData| kind == RecordType::ANY || data.record_type() == kind;
        // The owner is written as it was asked, letter case included: some resolvers compare it.
        let answers: Vec<Record> =
            known.iter().filter(wanted).map(|data| record(name, data.clone())).collect();
        if answers.is_empty() {
            return Found::Nothing(self.soa(origin));
        }
        let additionals = answers.iter().flat_map(|answer| self.helps(&answer.data)).collect();
        Found::Records { answers, additionals }
    }

    /// The addresses of the sandbox's servers, of one family, as records of `name`: for a host that only a fault names.
    pub(crate) fn addresses_as(&self, name: &Name, kind: RecordType) -> Vec<Record> {
        self.addresses
            .iter()
            .map(|address| address_data(*address))
            .filter(|data| data.record_type() == kind)
            .map(|data| record(name, data))
            .collect()
    }

    /// The addresses of what a record points to (RFC 2782: they should come along).
    fn helps(&self, data: &RData) -> Vec<Record> {
        let target = match data {
            RData::SRV(srv) => &srv.target,
            RData::NS(ns) => &ns.0,
            _ => return Vec::new(),
        };
        let known = self.records.get(target).into_iter().flatten();
        known
            .filter(|data| matches!(data, RData::A(_) | RData::AAAA(_)))
            .map(|data| record(target, data.clone()))
            .collect()
    }

    fn soa(&self, origin: &Name) -> Record {
        let data =
            self.records.get(origin).and_then(|all| all.iter().find(|data| matches!(data, RData::SOA(_))));
        record(origin, data.cloned().expect("every apex gets its SOA first"))
    }

    fn add(&mut self, name: &Name, data: RData) {
        let known = self.records.entry(name.clone()).or_default();
        if !known.contains(&data) {
            known.push(data);
        }
        let mut above = name.clone();
        while self.origins.iter().any(|origin| origin.zone_of(&above)) && self.names.insert(above.clone()) {
            above = above.base_name();
        }
    }

    fn add_addresses(&mut self, name: &Name) {
        for address in self.addresses.clone() {
            self.add(name, address_data(address));
        }
    }
}

fn address_data(address: IpAddr) -> RData {
    match address {
        IpAddr::V4(address) => RData::A(A(address)),
        IpAddr::V6(address) => RData::AAAA(AAAA(address)),
    }
}

fn record(name: &Name, data: RData) -> Record {
    Record::from_rdata(name.clone(), TTL, data)
}

fn beneath(host: &str, domain: &Name) -> Result<Name, BadName> {
    absolute(&format!("{host}.{domain}"))
}

fn soa(origin: &Name) -> Result<RData, BadName> {
    let (refresh, retry, expire) = SOA_TIMES;
    let (server, person) = (beneath("ns", origin)?, beneath("hostmaster", origin)?);
    Ok(RData::SOA(SOA::new(server, person, 1, refresh, retry, expire, TTL)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone() -> Zone {
        Zone::sandbox(&Sandbox {
            domain: "vaguemestre.test".into(),
            mail_domains: vec!["mail-tests-editeur.vaguemestre.test".into(), "autre.example".into()],
            ports: MailPorts { imap: 1143, imaps: 1993, submission: 1587, submissions: 1465 },
            addresses: vec!["127.0.0.1".parse().unwrap(), "::1".parse().unwrap()],
        })
        .unwrap()
    }

    fn find(name: &str, kind: RecordType) -> Found {
        zone().find(&absolute(name).unwrap(), kind)
    }

    fn srv(name: &str) -> (u16, String) {
        match find(name, RecordType::SRV) {
            Found::Records { answers, additionals } => match &answers[0].data {
                RData::SRV(srv) => {
                    assert_eq!(additionals.len(), 2, "an A and an AAAA come along");
                    assert!(additionals.iter().all(|record| record.name == srv.target));
                    (srv.port, crate::name::shown(&srv.target))
                }
                other => panic!("{other:?}"),
            },
            other => panic!("{name}: {other:?}"),
        }
    }

    #[test]
    fn each_way_in_has_its_port_and_a_target_in_the_domain() {
        let mail = "mail-tests-editeur.vaguemestre.test";
        assert_eq!(srv(&format!("_imap._tcp.{mail}")), (1143, format!("imap.{mail}")));
        assert_eq!(srv(&format!("_imaps._tcp.{mail}")), (1993, format!("imap.{mail}")));
        assert_eq!(srv(&format!("_submission._tcp.{mail}")), (1587, format!("smtp.{mail}")));
        assert_eq!(srv("_SUBMISSIONS._tcp.Autre.example"), (1465, "smtp.autre.example".into()));
    }

    #[test]
    fn a_name_without_records_is_not_a_name_that_does_not_exist() {
        assert!(matches!(
            find("_tcp.mail-tests-editeur.vaguemestre.test", RecordType::SRV),
            Found::Nothing(_)
        ));
        assert!(matches!(find("vaguemestre.test", RecordType::MX), Found::Nothing(_)));
        assert!(matches!(find("no.vaguemestre.test", RecordType::A), Found::NoName(_)));
        assert!(matches!(find("test", RecordType::A), Found::Foreign));
        assert!(matches!(find("xvaguemestre.test", RecordType::A), Found::Foreign));
        assert_eq!(zone().origins(), ["autre.example", "vaguemestre.test"]);
    }

    #[test]
    fn hosts_have_the_addresses_of_the_servers_and_no_others() {
        for host in
            ["mail-psc-tests-editeur", "mail-org-tests-editeur", "autoconfig.mail-tests-editeur", "ns"]
        {
            let host = format!("{host}.vaguemestre.test");
            assert!(matches!(find(&host, RecordType::A), Found::Records { .. }), "{host}");
            assert!(matches!(find(&host, RecordType::AAAA), Found::Records { .. }), "{host}");
        }
        let plan = Sandbox {
            domain: "a.test".into(),
            mail_domains: vec![],
            ports: MailPorts { imap: 1, imaps: 2, submission: 3, submissions: 4 },
            addresses: vec!["127.0.0.1".parse().unwrap()],
        };
        let zone = Zone::sandbox(&plan).unwrap();
        assert!(matches!(zone.find(&absolute("ns.a.test").unwrap(), RecordType::AAAA), Found::Nothing(_)));
        let bad = Zone::sandbox(&Sandbox { domain: "a..test".into(), ..plan }).unwrap_err();
        assert_eq!(bad.text, "a..test");
    }
}
