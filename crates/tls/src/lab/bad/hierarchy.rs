use std::sync::Arc;
use std::time::Duration;

use kernel::Timestamp;

use super::Bench;
use crate::Error;
use crate::lab::authority::{Authority, BACKDATED, Naming};
use crate::lab::crl::Crl;
use crate::lab::{Lab, ROOT_CRL};

const DAY: Duration = Duration::from_secs(86_400);

/// The lines of authorities that faults need besides the lab's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Line {
    Unknown,
    Standard,
    Fort,
    Personnes,
    Production,
    TestTwin,
    StaleCrl,
    CrlUnreachable,
}

/// A root, where it is not the lab's, and an issuing authority.
pub(super) struct Hierarchy {
    pub(super) root: Option<Authority>,
    pub(super) issuing: Authority,
    /// Where the CRL of the issuing authority is said to be.
    pub(super) crl_url: String,
    /// The CRLs of the root (empty where that is the lab's) and of the issuing authority.
    pub(super) crls: [Vec<u8>; 2],
}

/// What a line is called.
struct Names {
    /// Of the root; `None` where the issuing authority is under the lab's.
    root: Option<Naming>,
    issuing: Naming,
    /// `ACI-<stem>.crl`, `ACR-<stem>.crl`, `ACI-<stem>.cer`, `ACR-<stem>.cer`.
    stem: &'static str,
}

impl Line {
    fn names(self) -> Names {
        let lab = |root: &'static str, issuing: &'static str, stem| Names {
            root: Some(Naming::lab(root)),
            issuing: Naming::lab(issuing),
            stem,
        };
        let under_ours =
            |issuing: &'static str, stem| Names { root: None, issuing: Naming::lab(issuing), stem };
        // The names of the real authorities, under keys that nobody trusts: names are no secret, and no proof.
        let real = |unit: &'static str, root: &'static str, issuing: &'static str, stem| {
            let naming = |common_name| Naming {
                organisation: "ASIP-SANTE",
                units: ["0002 187512751", unit],
                common_name,
            };
            Names { root: Some(naming(root)), issuing: naming(issuing), stem }
        };
        match self {
            Self::Unknown => lab("AC RACINE SANS RAPPORT LAB", "AC SANS RAPPORT LAB", "INCONNUE-LAB"),
            Self::Standard => lab(
                "TEST AC RACINE IGC-SANTE STANDARD LAB",
                "TEST AC IGC-SANTE STANDARD ORGANISATIONS LAB",
                "ST-ORG-LAB",
            ),
            Self::Fort => lab(
                "TEST AC RACINE IGC-SANTE FORT LAB",
                "TEST AC IGC-SANTE FORT ORGANISATIONS LAB",
                "FO-ORG-LAB",
            ),
            Self::Personnes => under_ours("TEST AC IGC-SANTE ELEMENTAIRE PERSONNES LAB", "EL-PP-LAB"),
            Self::Production => real(
                "IGC-SANTE",
                "AC RACINE IGC-SANTE ELEMENTAIRE",
                "AC IGC-SANTE ELEMENTAIRE ORGANISATIONS",
                "NOM-PRODUCTION-LAB",
            ),
            Self::TestTwin => real(
                "IGC-SANTE TEST",
                "TEST AC RACINE IGC-SANTE ELEMENTAIRE",
                "TEST AC IGC-SANTE ELEMENTAIRE ORGANISATIONS",
                "NOM-TEST-LAB",
            ),
            // These two pass for Élémentaire Organisations in every respect but the CRL.
            Self::StaleCrl => under_ours("TEST AC IGC-SANTE ELEMENTAIRE ORGANISATIONS LAB 2", "EL-ORG-2-LAB"),
            Self::CrlUnreachable => {
                under_ours("TEST AC IGC-SANTE ELEMENTAIRE ORGANISATIONS LAB 3", "EL-ORG-3-LAB")
            }
        }
    }
}

impl Lab {
    pub(super) fn hierarchy(&self, line: Line, bench: &mut Bench) -> Result<Arc<Hierarchy>, Error> {
        if let Some(ready) = bench.hierarchies.get(&line) {
            return Ok(Arc::clone(ready));
        }
        let made = Arc::new(self.make_hierarchy(line, bench)?);
        bench.hierarchies.insert(line, Arc::clone(&made));
        Ok(made)
    }

    fn make_hierarchy(&self, line: Line, bench: &mut Bench) -> Result<Hierarchy, Error> {
        let [root_key, issuing_key] = bench.keys()?;
        let now = self.clock.now();
        let Names { root, issuing, stem } = line.names();
        let [root_crl_file, crl_file] = ["ACR", "ACI"].map(|prefix| format!("{prefix}-{stem}.crl"));
        let (root, root_crl, issuing) = match root {
            Some(naming) => {
                let root = Authority::passing_root(naming, &root_key, now)?;
                let crl = current(&root, now)?;
                let issuing =
                    root.passing_child(issuing, &issuing_key, &self.crl_url(&root_crl_file), now)?;
                (Some(root), crl, issuing)
            }
            None => {
                let url = self.crl_url(ROOT_CRL);
                (None, Vec::new(), self.root.passing_child(issuing, &issuing_key, &url, now)?)
            }
        };
        let crl = match line {
            Line::StaleCrl => Crl::passing(&issuing, now - 30 * DAY, now - 2 * DAY)?,
            _ => current(&issuing, now)?,
        };
        let crl_url = match line {
            Line::CrlUnreachable => self.unreachable_url(&crl_file),
            _ => self.crl_url(&crl_file),
        };
        self.workshop.publish(|published| {
            if let Some(root) = &root {
                published.crls.insert(root_crl_file, root_crl.clone());
                published.certificates.insert(format!("ACR-{stem}.cer"), root.der.to_vec());
            }
            if line != Line::CrlUnreachable {
                published.crls.insert(crl_file, crl.clone());
            }
            published.certificates.insert(format!("ACI-{stem}.cer"), issuing.der.to_vec());
        });
        Ok(Hierarchy { root, issuing, crl_url, crls: [root_crl, crl] })
    }

    /// The same host at the port of RFC 863 (discard), where nothing has listened for decades: refused at once.
    fn unreachable_url(&self, file: &str) -> String {
        let authority = self.base_url.trim_start_matches("http://");
        let authority = authority.split('/').next().unwrap_or(authority);
        let host = match authority.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
            _ => authority,
        };
        format!("http://{host}:9/CRL/{file}")
    }
}

/// A CRL that lives as long as the certificates: nobody renews it.
fn current(authority: &Authority, now: Timestamp) -> Result<Vec<u8>, Error> {
    Crl::passing(authority, now - BACKDATED, now + 397 * DAY)
}
