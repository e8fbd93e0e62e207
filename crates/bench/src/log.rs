//! The log of a run, in the lines that a MOTCO2 user recognises.
//!
//! Made from the evidence alone, so that a proof's log is the one that was read on the screen. `n` is the line number
//! that checks refer to.

use kernel::Timestamp;
use rules::Connection;
use serde::{Deserialize, Serialize};
use wire::{AuthOutcome, Direction, Event, Fact};

use crate::judge::{Context, Driver, Judgement, own};
use crate::scenario::{Expectation, Scenario};

/// One line of a run's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// Line number, from 1.
    pub n: u32,
    /// When.
    pub at: Timestamp,
    /// Who says it: `banc`, `imap`, `smtp`, `psc`.
    pub node: String,
    /// The connection it belongs to, if any.
    pub connection: Option<i64>,
    /// The event behind it, if any.
    pub seq: Option<i64>,
    /// The text.
    pub text: String,
}

impl LogLine {
    /// As a terminal shows it.
    pub fn render(&self) -> String {
        let session = self.connection.map(|id| format!(" [{id}]")).unwrap_or_default();
        format!(
            "{:>4}  {}  {}{}  {}",
            self.n,
            self.at.strftime("%H:%M:%S%.3f"),
            self.node,
            session,
            self.text
        )
    }
}

/// Writes the log of a judged run.
pub fn write(
    scenario: &Scenario,
    context: &Context,
    events: &[Event],
    judgement: &Judgement,
) -> Vec<LogLine> {
    let mut log = Log::default();
    let protocols: Vec<&str> = scenario.protocols().iter().map(|protocol| protocol.name()).collect();
    let opened = context.opened;
    log.bench(opened, format!("Début du script de test {}", scenario.script));
    log.bench(
        opened,
        match context.run {
            0 => format!("Jugement a posteriori, sans numéro ni preuve : {}", scenario.title.fr),
            number => format!("Exécution n° {number} : {}", scenario.title.fr),
        },
    );
    log.bench(opened, format!("Nom utilisateur {}", context.nil));
    log.bench(opened, protocols.join(", "));
    log.bench(opened, format!("Mode : {}", scenario.mode));
    log.bench(opened, format!("BAL : {}", context.mailbox));
    if context.canned {
        log.bench(opened, "Message fourni tout prêt au client (--canned)".into());
    }
    if let Some(original) = &context.original {
        log.bench(opened, format!("Message à répondre déposé dans la boîte : {original}"));
    }
    for (step, recipient) in scenario.mail_steps().zip(&context.marks.recipients) {
        log.bench(opened, format!("Étape {} : destinataire attendu {recipient}", step.id));
    }
    for step in &scenario.step {
        if let Some(trouble) = &step.psc_fault {
            let trouble = String::from(trouble.clone());
            log.bench(opened, format!("Étape {} : Pro Santé Connect en défaut ({trouble})", step.id));
        }
    }
    if context.accelerated {
        log.bench(opened, "Durées annoncées raccourcies (mode accéléré)".into());
    }
    let transcript = own(scenario, context, events);
    for connection in transcript.connections() {
        log.connection(connection);
    }
    let closed = context.closed;
    for word in &context.adapter {
        log.bench(closed, format!("Adaptateur, étape {} : {} {}", word.step, word.outcome, word.detail));
    }
    if context.truncated {
        let text = "La transcription dépasse ce qu’un dossier conserve : seul son début est gardé et jugé";
        log.bench(closed, text.into());
    }
    let besides = context.meanwhile;
    if besides.connections > 0 {
        log.bench(
            closed,
            format!(
                "Pendant ce temps, votre LPS a ouvert {} autre(s) connexion(s) sur cette boîte ({} authentification(s), {} message(s)) : montrées, jamais jugées",
                besides.connections, besides.logins, besides.mails
            ),
        );
    }
    if context.strangers > 0 {
        let whose = match context.driver {
            Driver::Adapter => "sans la marque de cette exécution",
            Driver::Person => "d’un autre client, d’une autre boîte, ou après la première",
        };
        log.bench(
            closed,
            format!(
                "{} autre(s) connexion(s) pendant la fenêtre, {whose} : montrées, jamais jugées",
                context.strangers
            ),
        );
    }
    if context.driver == Driver::Person && scenario.expect.iter().any(Expectation::needs_adapter) {
        let is_floor = |one: &Expectation| matches!(one, Expectation::OldTlsRefused { .. });
        let text = if scenario.expect.iter().any(is_floor) {
            "Le refus d’un serveur limité à TLS 1.1 n’est jugé qu’avec un adaptateur : il ne l’a pas été ici"
        } else {
            "Ce job n’est jugé qu’avec un adaptateur : chaque étape a des serveurs à elle, que personne ne saisit"
        };
        log.bench(closed, text.into());
    }
    for check in &judgement.checks {
        let mark = match check.outcome {
            rules::Outcome::Passed => "OK",
            rules::Outcome::Failed => "KO",
            _ => "NC",
        };
        log.bench(closed, format!("{mark} {} : {}", check.requirement, check.received.fr));
    }
    log.bench(closed, format!("['{}']", judgement.verdict.mark()));
    log.lines
}

/// The log of a run that ended without evidence (not started, aborted) or whose evidence was thrown away: what is known.
pub(crate) fn without_evidence(run: &crate::Run) -> Vec<LogLine> {
    let mut log = Log::default();
    let Some(verdict) = run.verdict else { return log.lines };
    log.bench(run.started, format!("Exécution n° {} : {}", run.number, run.job));
    log.bench(run.started, format!("Nom utilisateur {}", run.nil));
    let why = if run.reason.is_empty() {
        "les éléments de cette exécution ne sont plus conservés"
    } else {
        &run.reason
    };
    log.bench(run.started, format!("Sans journal : {why}"));
    log.bench(run.started, format!("['{}']", verdict.mark()));
    log.lines
}

/// One event as a log line's text; `None` where it adds nothing.
pub fn describe(event: &Event) -> Option<String> {
    Some(match &event.fact {
        Fact::Connected { origin } => {
            let tls = if origin.implicit_tls { "TLS implicite" } else { "STARTTLS attendu" };
            format!(
                "Session : {} depuis {} sur le port {} ({tls})",
                event.connection, origin.peer, origin.port
            )
        }
        Fact::Fault { name, what, nth, .. } => format!("Défaut « {name} » (n° {nth}) : {what}"),
        Fact::ClientHello { hello } => {
            let versions: Vec<String> = hello.versions.iter().map(|version| version_name(*version)).collect();
            let sni = hello.sni.as_deref().unwrap_or("aucun");
            format!("ClientHello : {} ; {} suites ; SNI {sni}", versions.join(", "), hello.suites.len())
        }
        Fact::TlsEstablished { tls } => match &tls.certificate {
            Some(certificate) => format!(
                "TLS : {} {} ; certificat client {} (émis par {}, série {})",
                tls.version, tls.suite, certificate.subject, certificate.issuer, certificate.serial
            ),
            None => format!("TLS : {} {} ; pas de certificat client", tls.version, tls.suite),
        },
        Fact::TlsFailed { reason, .. } => format!("TLS refusé : {reason}"),
        Fact::Line { direction: Direction::Client, text } => format!("C: {text}"),
        Fact::Line { direction: Direction::Server, text } => format!("S: {text}"),
        Fact::Auth { auth } => match &auth.outcome {
            AuthOutcome::Accepted { mailbox, identity } => {
                format!("Authentification {} acceptée : {mailbox}, identité {identity}", auth.mechanism)
            }
            AuthOutcome::Refused { code, reason } => {
                format!("Authentification {} refusée pour {} : {code} ({reason})", auth.mechanism, auth.user)
            }
            _ => return None,
        },
        Fact::Greeting { verb, name } => format!("{verb} : {name}"),
        Fact::Search { search } => {
            let addresses = match search.addresses.as_slice() {
                [] => String::new(),
                addresses => format!(", adresses : {}", addresses.join(", ")),
            };
            format!("Réponse {} : {} résultat(s){addresses}", search.status, search.found)
        }
        Fact::Mail { mail } => format!(
            "Message {} : MAIL FROM:<{}> RCPT TO:<{}> {} octets, Message-ID {}",
            mail.queue_id,
            mail.from,
            mail.to.join(">,<"),
            mail.size,
            mail.message_id.as_deref().unwrap_or("absent")
        ),
        Fact::Header { queue_id, name, value } => {
            let label = name.to_ascii_uppercase();
            match label.strip_prefix("X-MSS-") {
                Some(short) => format!("Voici le {short} : {queue_id}: info: header {name}: {value}"),
                None => format!("{queue_id}: info: header {name}: {value}"),
            }
        }
        Fact::Violation { what } => format!("Écart au protocole : {what}"),
        Fact::Closed { reason } => format!("Fin de session : {reason}"),
        Fact::Note { text } => text.clone(),
        _ => return None,
    })
}

fn version_name(version: u16) -> String {
    match version {
        0x0300 => "SSLv3".into(),
        0x0301 => "TLSv1.0".into(),
        0x0302 => "TLSv1.1".into(),
        0x0303 => "TLSv1.2".into(),
        0x0304 => "TLSv1.3".into(),
        other => format!("{other:#06x}"),
    }
}

#[derive(Default)]
struct Log {
    lines: Vec<LogLine>,
}

impl Log {
    fn push(&mut self, at: Timestamp, node: &str, connection: Option<i64>, seq: Option<i64>, text: String) {
        let n = u32::try_from(self.lines.len() + 1).unwrap_or(u32::MAX);
        self.lines.push(LogLine { n, at, node: node.to_owned(), connection, seq, text });
    }

    fn bench(&mut self, at: Timestamp, text: String) {
        self.push(at, "banc", None, None, text);
    }

    fn connection(&mut self, connection: &Connection<'_>) {
        for event in &connection.events {
            if let Some(text) = describe(event) {
                self.push(event.at, event.service.name(), Some(event.connection.0), Some(event.seq), text);
            }
        }
    }
}
