use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use dns::ProbeError;
use kernel::Timestamp;
use operator::Kind;
use rules::Protocol;
use tls::ClientTrust;
use tokio::time::Instant;

use super::accounts::leaf_of;
use super::probe::{self, Place, Talk};
use crate::adapter::Adapter;
use crate::error::Error;
use crate::product::Files;
use crate::scenario::{Mailbox, Scenario};
use crate::{Bench, Product};

/// One named step of what is looked at before a window opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreflightStep {
    /// `address`, `port`, `tls`, `dns`, `certificate`, `token`, `mailbox`, `adapter`.
    pub id: &'static str,
    /// What was looked at: `localhost:1143`, an address, a file, a program.
    pub subject: String,
    /// Why it cannot be used; `None` where it can.
    pub fault: Option<String>,
    /// What to do where it cannot.
    pub next: String,
    /// How long it took.
    pub took: Duration,
}

impl Bench {
    /// Looks at everything that a run of `job` needs, so that what fails later is the client: the address (or name),
    /// the port, the TLS trust of the lab's own anchors with STARTTLS, the AUTH_CLI certificate (there, matching its key, not
    /// expired), a token from PSC, the mailbox, the adapter's program. Only what the job needs is looked at.
    ///
    /// # Errors
    /// Where the database cannot be read; a fault is no error, it is in its step.
    pub async fn preflight(
        &self,
        product: &Product,
        job: &Scenario,
        adapter: Option<&Adapter>,
    ) -> Result<Vec<PreflightStep>, Error> {
        let parts = &self.shared.parts;
        let wanted = job.protocols();
        let place = |protocol| match protocol {
            Protocol::Imap => Place::of(&parts.addresses.imap, "starttls"),
            Protocol::Smtp => Place::of(&parts.addresses.smtp, "starttls"),
        };
        let [imap, smtp] = [Protocol::Imap, Protocol::Smtp]
            .map(|protocol| wanted.contains(&protocol).then(|| place(protocol)).flatten());
        let (imap, smtp, credential, mailbox) = tokio::join!(
            Box::pin(self.server(Protocol::Imap, imap)),
            Box::pin(self.server(Protocol::Smtp, smtp)),
            self.credential(product, job.mailbox),
            self.mailbox(product, job.mailbox),
        );
        let mut steps = Vec::new();
        steps.extend(imap);
        steps.extend(smtp);
        if job.needs.iter().any(|need| need == "dns") {
            steps.push(self.names(product, job.mailbox).await);
        }
        steps.push(credential);
        steps.push(mailbox?);
        steps.extend(adapter.map(program));
        Ok(steps)
    }

    /// `address`, `port` and `tls` of one server, up to the first fault.
    async fn server(&self, protocol: Protocol, place: Option<Place>) -> Vec<PreflightStep> {
        let Some(place) = place else { return Vec::new() };
        let parts = &self.shared.parts;
        let mut steps = Vec::new();

        let watch = Watch::start("address", place.host.clone());
        let found = place.resolve().await;
        let addresses = found.clone().unwrap_or_default();
        steps.push(watch.end(
            found.err().map(|why| format!("le nom {} ne mène à aucune adresse : {why}", place.host)),
            "Vérifier la résolution de ce nom sur cette machine (fichier hosts, DNS).",
        ));
        if addresses.is_empty() {
            return steps;
        }

        let watch = Watch::start("port", place.to_string());
        let opened = async {
            let mut talk = Talk::new(probe::connect(&addresses).await?, protocol);
            talk.greeting().await?;
            Ok::<_, String>(talk)
        };
        let talk = match opened.await {
            Ok(talk) => talk,
            Err(why) => {
                let fault = format!("le serveur {} ne répond pas sur {place} : {why}", protocol.name());
                let next =
                    "Regarder la page Nœuds et le journal du serveur ; relancer le banc (vaguemestre up).";
                steps.push(watch.end(Some(fault), next));
                return steps;
            }
        };
        steps.push(watch.end(None, ""));

        let watch = Watch::start("tls", place.to_string());
        let handshake = async {
            let config = probe::trust(&parts.lab, &parts.clock).map_err(|error| error.to_string())?;
            probe::secure(talk.starttls().await?, &place.host, config).await
        };
        match handshake.await {
            Ok(stream) => {
                steps.push(watch.end(None, ""));
                Talk::new(stream, protocol).leave().await;
            }
            Err(why) => {
                let fault = format!("la session TLS avec {place} n’aboutit pas : {why}");
                let next = "Relancer le banc : il délivre de nouveau son certificat et ses CRL ; vérifier l’heure de la machine.";
                steps.push(watch.end(Some(fault), next));
            }
        }
        steps
    }

    /// `dns`: the sandbox's own DNS says where the servers of the mailbox are (SC.MSS/CONF.04).
    async fn names(&self, product: &Product, mailbox: Mailbox) -> PreflightStep {
        let place = &self.shared.parts.addresses.dns;
        let address = match mailbox {
            Mailbox::Per => &product.psc_address,
            Mailbox::App => &product.app_address,
        };
        let domain = address.rsplit_once('@').map_or(address.as_str(), |(_, domain)| domain);
        let server = place["host"].as_str().and_then(|host| host.parse::<IpAddr>().ok());
        let server = server.zip(place["port"].as_u64().and_then(|port| u16::try_from(port).ok()));
        let Some(server) = server.map(SocketAddr::from) else {
            let watch = Watch::start("dns", domain.to_owned());
            return watch.end(Some("ce banc n’a pas de DNS".into()), "Relancer le banc (vaguemestre up).");
        };
        let watch = Watch::start("dns", format!("{server} {domain}"));
        let fault = dns::probe(server, domain, probe::PATIENCE).await.err().map(|error| match error {
            ProbeError::Silence => format!("le DNS {server} ne répond pas"),
            ProbeError::NoService { name, code, .. } => {
                format!("le DNS {server} ne dit pas où est {name} ({code})")
            }
            other => format!("le DNS {server} ne peut pas être interrogé : {other}"),
        });
        watch.end(fault, "Désarmer les pannes en cours, ou relancer le banc avec un autre port (vaguemestre up --dns-port N).")
    }

    /// `token` for a personal or organisational mailbox, `certificate` for an applicative one.
    async fn credential(&self, product: &Product, mailbox: Mailbox) -> PreflightStep {
        match mailbox {
            Mailbox::Per => {
                let watch = Watch::start("token", product.psc_identity.clone());
                let fault = self.token_fault(product).map(|why| {
                    format!("Pro Santé Connect ne donne pas de jeton pour {} : {why}", product.psc_identity)
                });
                watch.end(fault, "Enregistrer de nouveau le produit (Modifier) ou relancer le banc : son identité de test est recréée.")
            }
            Mailbox::App => {
                let files = Files::of(&self.shared.parts.data, &product.nil);
                let watch = Watch::start("certificate", files.certificate.display().to_string());
                let fault = self.certificate_fault(product, &files);
                watch.end(fault, "Ouvrir la fiche du produit et l’enregistrer (Modifier) : un certificat est délivré de nouveau.")
            }
        }
    }

    /// A token is asked for, verified as the mail servers do, and its session ended at once.
    fn token_fault(&self, product: &Product) -> Option<String> {
        let psc = &self.shared.parts.psc;
        let tokens = match psc.issue_tokens(&product.psc_identity, &product.client_id, None) {
            Ok(tokens) => tokens,
            Err(error) => return Some(error.to_string()),
        };
        let verified = psc.verifier().access(tokens.response.access_token.reveal(), psc.now());
        psc.end_session(&tokens.sid);
        verified.err().map(|error| error.to_string())
    }

    /// Why the product's AUTH_CLI certificate cannot be used; `None` where it can.
    pub(super) fn certificate_fault(&self, product: &Product, files: &Files) -> Option<String> {
        let parts = &self.shared.parts;
        let Some(leaf) = leaf_of(&files.certificate) else {
            return Some("le certificat AUTH_CLI est absent ou illisible".into());
        };
        if leaf.common_name != product.app_identity {
            return Some(format!(
                "le certificat est au nom de {}, et l’identifiant du produit est {}",
                leaf.common_name, product.app_identity
            ));
        }
        let now = parts.clock.now();
        let time = |text: &str| text.parse::<Timestamp>().ok();
        if time(&leaf.not_after).is_none_or(|end| end <= now) {
            return Some(format!("le certificat a expiré le {}", leaf.not_after));
        }
        if time(&leaf.not_before).is_none_or(|start| start > now) {
            return Some(format!("le certificat n’est valide qu’à partir du {}", leaf.not_before));
        }
        let Ok(key) = files.read_key() else {
            return Some(format!("la clé {} est absente ou illisible", files.key.display()));
        };
        let Ok(chain) = std::fs::read_to_string(&files.certificate) else {
            return Some("le certificat AUTH_CLI est illisible".into());
        };
        let crls: Vec<Vec<u8>> = parts.lab.crls().into_iter().map(|(_, der)| der).collect();
        let together = ClientTrust::new(parts.lab.ca_pem(), &crls)
            .and_then(|trust| trust.with_certificate(&chain, &key))
            .and_then(ClientTrust::config);
        together.err().map(|error| format!("la clé et le certificat ne vont pas ensemble : {error}"))
    }

    async fn mailbox(&self, product: &Product, which: Mailbox) -> Result<PreflightStep, Error> {
        let operator = &self.shared.parts.operator;
        let (address, kind, identity) = match which {
            Mailbox::Per => (&product.psc_address, product.kind, &product.psc_identity),
            Mailbox::App => (&product.app_address, Kind::App, &product.app_identity),
        };
        let watch = Watch::start("mailbox", address.clone());
        let fault = match operator.mailbox(address) {
            None => Some(format!("la BAL {address} n’existe pas chez l’opérateur du banc")),
            Some(found) if found.kind != kind => {
                Some(format!("la BAL {address} est de type {}, et non {kind}", found.kind))
            }
            Some(found) if !found.identity.eq_ignore_ascii_case(identity) => {
                Some(format!("la BAL {address} est celle de {}, et non de {identity}", found.identity))
            }
            Some(found) => match operator.store().folder(found.account, "INBOX").await? {
                Some(_) => None,
                None => Some(format!("la BAL {address} n’a pas de boîte de réception")),
            },
        };
        Ok(watch.end(fault, "Enregistrer de nouveau le produit (Modifier) : ses BAL sont recréées."))
    }
}

fn program(adapter: &Adapter) -> PreflightStep {
    let watch = Watch::start("adapter", adapter.argv.join(" "));
    let fault = adapter.check().err().map(|_| {
        let name = adapter.argv.iter().take(2).map(String::as_str).collect::<Vec<_>>().join(" ");
        format!(
            "l’adaptateur « {name} » n’est pas un programme que l’on puisse lancer depuis {}",
            adapter.dir.display()
        )
    });
    watch.end(fault, "Donner le chemin d’un fichier exécutable, par exemple --adapter 'python3 adapters/python/adapter.py'.")
}

/// A step that is being looked at.
struct Watch {
    id: &'static str,
    subject: String,
    start: Instant,
}

impl Watch {
    fn start(id: &'static str, subject: String) -> Self {
        Self { id, subject, start: Instant::now() }
    }

    fn end(self, fault: Option<String>, next: &str) -> PreflightStep {
        let next = if fault.is_some() { next.to_owned() } else { String::new() };
        PreflightStep { id: self.id, subject: self.subject, fault, next, took: self.start.elapsed() }
    }
}
