use wire::{AuthFacts, AuthOutcome, Event};

use crate::text::shown;
use crate::{Check, Outcome, Protocol, Text, Transcript};

/// TLS is up before any credential leaves the client (SC.MSS/CONF.07, CONF.12).
#[derive(Clone, Copy, Debug)]
pub struct TlsBeforeLogin<'r> {
    /// The requirement that asks for it.
    pub requirement: &'r str,
    /// Where.
    pub protocol: Protocol,
}

impl TlsBeforeLogin<'_> {
    /// Every login attempt counts: one in clear fails the check, whatever followed it.
    pub fn check(&self, transcript: &Transcript<'_>) -> Check {
        let rule = "RFC 3501 §6.2.1, RFC 3207 §4 ; ECO.1.2.1";
        let expected = Text::new(
            format!(
                "Connexion {} chiffrée (STARTTLS ou TLS) avant toute authentification",
                self.protocol.name()
            ),
            format!("{} connection encrypted (STARTTLS or TLS) before any login", self.protocol.name()),
        );
        let mut attempts = transcript.logins(self.protocol).peekable();
        if attempts.peek().is_none() {
            return nothing_seen(self.requirement, rule, expected, transcript, self.protocol);
        }
        let attempts: Vec<_> = attempts.collect();
        if let Some((event, auth)) = attempts.iter().find(|(_, auth)| !auth.tls) {
            let leaked = match &auth.token {
                Some(_) => Text::new(
                    format!(
                        "{} envoyé en clair, jeton compris : ce jeton est à considérer comme divulgué",
                        shown(&auth.mechanism)
                    ),
                    format!(
                        "{} sent in clear, token included: that token must be considered disclosed",
                        shown(&auth.mechanism)
                    ),
                ),
                None => Text::new(
                    format!("{} envoyé en clair, avant TLS", shown(&auth.mechanism)),
                    format!("{} sent in clear, before TLS", shown(&auth.mechanism)),
                ),
            };
            let next = Text::new(
                "Envoyer STARTTLS, terminer la poignée de main TLS et relire les capacités avant de s’authentifier.",
                "Send STARTTLS, finish the TLS handshake and read the capabilities again before logging in.",
            );
            return Check::not_passed(
                self.requirement,
                rule,
                Outcome::Failed,
                (expected, leaked),
                Some(event.seq),
                next,
            );
        }
        let (event, _) = attempts[0];
        let negotiated = transcript
            .of(self.protocol)
            .find(|connection| connection.id == event.connection)
            .and_then(|connection| connection.tls())
            .map(|(_, tls)| format!("{} {}", tls.version, tls.suite))
            .unwrap_or_default();
        let received = Text::new(
            format!("TLS établi ({negotiated}) avant l’authentification"),
            format!("TLS up ({negotiated}) before the login"),
        );
        Check::passed(self.requirement, rule, expected, received, Some(event.seq))
    }
}

/// The mechanism is the one required for this kind of mailbox.
#[derive(Clone, Copy, Debug)]
pub struct MechanismUsed<'r> {
    /// The requirement that asks for it.
    pub requirement: &'r str,
    /// Where.
    pub protocol: Protocol,
    /// `XOAUTH2` or `EXTERNAL`.
    pub mechanism: &'r str,
}

impl MechanismUsed<'_> {
    /// Attempts under TLS with another mechanism fail the check.
    pub fn check(&self, transcript: &Transcript<'_>) -> Check {
        let rule = "ECO.1.2.1, ECO.1.2.2";
        let expected = Text::new(
            format!("Authentification {} par le mécanisme SASL {}", self.protocol.name(), self.mechanism),
            format!("{} login by the SASL mechanism {}", self.protocol.name(), self.mechanism),
        );
        let attempts: Vec<_> = transcript.logins(self.protocol).collect();
        let Some((first, _)) = attempts.first() else {
            return nothing_seen(self.requirement, rule, expected, transcript, self.protocol);
        };
        match attempts.iter().find(|(_, auth)| auth.mechanism != self.mechanism) {
            Some((event, auth)) => {
                let received = Text::new(
                    format!("Mécanisme {} employé", shown(&auth.mechanism)),
                    format!("Mechanism {} used", shown(&auth.mechanism)),
                );
                let next = Text::new(
                    format!("N’employer que AUTH={} pour cette boîte.", self.mechanism),
                    format!("Use AUTH={} only for this mailbox.", self.mechanism),
                );
                let pair = (expected, received);
                Check::not_passed(self.requirement, rule, Outcome::Failed, pair, Some(event.seq), next)
            }
            None => {
                Check::passed(self.requirement, rule, expected, Text::same(self.mechanism), Some(first.seq))
            }
        }
    }
}

/// The operator let the client in, on the expected mailbox.
#[derive(Clone, Copy, Debug)]
pub struct LoginAccepted<'r> {
    /// The requirement that asks for it.
    pub requirement: &'r str,
    /// Where.
    pub protocol: Protocol,
    /// The mailbox that must be opened.
    pub mailbox: &'r str,
}

impl LoginAccepted<'_> {
    /// One accepted login is enough; otherwise the last refusal explains.
    pub fn check(&self, transcript: &Transcript<'_>) -> Check {
        let rule = "ECO.1.2.1, ECO.1.2.2";
        let expected = Text::new(
            format!("Connexion {} acceptée par l’opérateur sur {}", self.protocol.name(), self.mailbox),
            format!("{} login accepted by the operator on {}", self.protocol.name(), self.mailbox),
        );
        let attempts: Vec<_> = transcript.logins(self.protocol).collect();
        let accepted = attempts.iter().find_map(|(event, auth)| match &auth.outcome {
            AuthOutcome::Accepted { mailbox, identity } if mailbox.eq_ignore_ascii_case(self.mailbox) => {
                Some((*event, identity))
            }
            _ => None,
        });
        if let Some((event, identity)) = accepted {
            let received = Text::new(
                format!("Connexion acceptée, identité {identity}"),
                format!("Login accepted, identity {identity}"),
            );
            return Check::passed(self.requirement, rule, expected, received, Some(event.seq));
        }
        match attempts.last() {
            Some((event, auth)) => self.refused(rule, expected, event, auth),
            None => nothing_seen(self.requirement, rule, expected, transcript, self.protocol),
        }
    }

    fn refused(&self, rule: &str, expected: Text, event: &Event, auth: &AuthFacts) -> Check {
        let (received, next) = match &auth.outcome {
            AuthOutcome::Accepted { mailbox, .. } => (
                Text::new(
                    format!("Connexion acceptée sur une autre boîte, {mailbox}"),
                    format!("Login accepted on another mailbox, {mailbox}"),
                ),
                Text::new("Ouvrir la boîte indiquée par le test.", "Open the mailbox that the test names."),
            ),
            AuthOutcome::Refused { code, reason } => explain_refusal(code, reason),
            _ => (Text::default(), Text::default()),
        };
        let pair = (expected, received);
        Check::not_passed(self.requirement, rule, Outcome::Failed, pair, Some(event.seq), next)
    }
}

/// The client presented a verified AUTH_CLI certificate of this product's structure (SC.MSS/CONF.12).
#[derive(Clone, Copy, Debug)]
pub struct ClientCertificate<'r> {
    /// The requirement that asks for it.
    pub requirement: &'r str,
    /// Where.
    pub protocol: Protocol,
    /// `CN` of the certificate: the identifier of the applicative mailbox.
    pub identity: &'r str,
}

impl ClientCertificate<'_> {
    /// Looks at the connection that logged in, or tried to.
    pub fn check(&self, transcript: &Transcript<'_>) -> Check {
        let rule = "ECO.1.2.2, RFC 8446 §4.4.2";
        let expected = Text::new(
            format!(
                "Certificat client IGC-Santé ORG AUTH_CLI de {} présenté pendant la poignée de main TLS",
                self.identity
            ),
            format!(
                "IGC-Santé ORG AUTH_CLI client certificate of {} presented in the TLS handshake",
                self.identity
            ),
        );
        if let Some((event, reason)) =
            transcript.healthy(self.protocol).find_map(|connection| connection.tls_failure())
        {
            let received = Text::new(
                format!("Poignée de main refusée : {reason}"),
                format!("Handshake refused: {reason}"),
            );
            let next = Text::new(
                "Présenter le certificat remis par le banc, avec sa chaîne et sa clé.",
                "Present the certificate that the bench handed out, with its chain and key.",
            );
            let pair = (expected, received);
            return Check::not_passed(self.requirement, rule, Outcome::Failed, pair, Some(event.seq), next);
        }
        let sessions: Vec<_> =
            transcript.healthy(self.protocol).filter_map(|connection| connection.tls()).collect();
        let with = sessions.iter().find_map(|(event, tls)| tls.certificate.as_ref().map(|c| (*event, c)));
        match (with, sessions.first()) {
            (Some((event, certificate)), _) if certificate.common_name == self.identity => {
                let received = Text::new(
                    format!(
                        "{}, émis par {}, série {}",
                        certificate.subject, certificate.issuer, certificate.serial
                    ),
                    format!(
                        "{}, issued by {}, serial {}",
                        certificate.subject, certificate.issuer, certificate.serial
                    ),
                );
                Check::passed(self.requirement, rule, expected, received, Some(event.seq))
            }
            (Some((event, certificate)), _) => {
                let received = Text::new(
                    format!("Certificat d’une autre structure : {}", certificate.subject),
                    format!("Certificate of another structure: {}", certificate.subject),
                );
                let next = Text::new(
                    "Configurer le certificat de la boîte applicative de ce produit.",
                    "Configure the certificate of this product's applicative mailbox.",
                );
                let pair = (expected, received);
                Check::not_passed(self.requirement, rule, Outcome::Failed, pair, Some(event.seq), next)
            }
            (None, Some((event, _))) => {
                let received =
                    Text::new("Aucun certificat client présenté", "No client certificate presented");
                let next = Text::new(
                    "Charger le certificat AUTH_CLI et sa clé dans la configuration TLS du client : le serveur les demande à chaque poignée de main.",
                    "Load the AUTH_CLI certificate and its key in the client's TLS configuration: the server asks for them in each handshake.",
                );
                let pair = (expected, received);
                Check::not_passed(self.requirement, rule, Outcome::Failed, pair, Some(event.seq), next)
            }
            (None, None) => nothing_seen(self.requirement, rule, expected, transcript, self.protocol),
        }
    }
}

/// What to say where no login attempt was seen: a failure if the client came and left, inconclusive if it never came.
pub(crate) fn nothing_seen(
    requirement: &str,
    rule: &str,
    expected: Text,
    transcript: &Transcript<'_>,
    protocol: Protocol,
) -> Check {
    let name = protocol.name();
    if let Some((event, reason)) =
        transcript.healthy(protocol).find_map(|connection| connection.tls_failure())
    {
        let received = Text::new(
            format!("La poignée de main TLS n’a pas abouti : {reason}"),
            format!("The TLS handshake did not succeed: {reason}"),
        );
        let next = Text::new(
            "Vérifier que l’ancre du laboratoire (ca_file) est installée dans la version de test du logiciel, et que ses CRL sont accessibles.",
            "Check that the lab's anchor (ca_file) is installed in the test build, and that its CRLs can be reached.",
        );
        return Check::not_passed(
            requirement,
            rule,
            Outcome::Failed,
            (expected, received),
            Some(event.seq),
            next,
        );
    }
    match transcript.healthy(protocol).next() {
        Some(connection) => {
            let received = Text::new(
                format!("Connexion {name} ouverte puis fermée sans tentative d’authentification"),
                format!("{name} connection opened then closed without any login attempt"),
            );
            let next = Text::new(
                "Regarder la transcription : la dernière ligne dit où le client s’est arrêté.",
                "Look at the transcript: its last line says where the client stopped.",
            );
            let by = connection.events.last().map(|event| event.seq);
            Check::not_passed(requirement, rule, Outcome::Failed, (expected, received), by, next)
        }
        None => {
            let received = Text::new(
                format!("Aucune connexion {name} de ce client pendant la fenêtre"),
                format!("No {name} connection of this client during the window"),
            );
            let next = Text::new(
                "Vérifier l’hôte, le port et l’adresse de la boîte configurés dans le logiciel, puis relancer.",
                "Check the host, port and mailbox address configured in the software, then run again.",
            );
            Check::not_passed(requirement, rule, Outcome::Inconclusive, (expected, received), None, next)
        }
    }
}

/// Where no login was accepted: the last refusal, explained, with the event that states it.
pub(crate) fn last_refusal(transcript: &Transcript<'_>, protocol: Protocol) -> Option<(i64, Text, Text)> {
    let attempts: Vec<_> = transcript.logins(protocol).collect();
    if attempts.iter().any(|(_, auth)| matches!(auth.outcome, AuthOutcome::Accepted { .. })) {
        return None;
    }
    let (event, auth) = attempts.last()?;
    match &auth.outcome {
        AuthOutcome::Refused { code, reason } => {
            let (received, next) = explain_refusal(code, reason);
            Some((event.seq, received, next))
        }
        _ => None,
    }
}

pub(crate) fn explain_refusal(code: &str, reason: &str) -> (Text, Text) {
    let (fr, next_fr, next_en) = match code {
        "cleartext" => (
            "authentification avant TLS",
            "Établir TLS avant de s’authentifier.",
            "Establish TLS before logging in.",
        ),
        "token_expired" => (
            "jeton expiré",
            "Rafraîchir le jeton Pro Santé Connect juste avant d’ouvrir la connexion.",
            "Refresh the Pro Santé Connect token just before opening the connection.",
        ),
        "token_signature" => (
            "signature du jeton incorrecte",
            "Transmettre le jeton d’accès tel que Pro Santé Connect l’a remis, sans le modifier.",
            "Send the access token as Pro Santé Connect gave it, unchanged.",
        ),
        "token_issuer" => (
            "jeton d’un autre environnement Pro Santé Connect",
            "Utiliser le Pro Santé Connect du bac à sable.",
            "Use the sandbox's Pro Santé Connect.",
        ),
        "token_refused" => (
            "jeton refusé par l’opérateur",
            "Écarter ce jeton, en demander un autre à Pro Santé Connect (refresh_token) et se reconnecter une fois.",
            "Drop this token, ask Pro Santé Connect for another one (refresh_token) and reconnect once.",
        ),
        "token_malformed" => (
            "jeton illisible",
            "Transmettre le jeton d’accès Pro Santé Connect (un JWT signé), et non un autre secret.",
            "Send the Pro Santé Connect access token (a signed JWT), not another secret.",
        ),
        "malformed" => (
            "réponse SASL illisible",
            "Encoder en base64 : user=<adresse> 0x01 auth=Bearer <jeton> 0x01 0x01.",
            "Encode in base64: user=<address> 0x01 auth=Bearer <token> 0x01 0x01.",
        ),
        "wrong_identity" => (
            "identité sans droit sur cette boîte",
            "Se connecter avec l’identité déclarée pour le produit.",
            "Log in with the identity declared for the product.",
        ),
        "unknown_mailbox" => {
            ("boîte inconnue", "Vérifier l’adresse de la boîte.", "Check the mailbox's address.")
        }
        "no_certificate" => (
            "EXTERNAL sans certificat client",
            "Présenter le certificat AUTH_CLI pendant la poignée de main TLS.",
            "Present the AUTH_CLI certificate in the TLS handshake.",
        ),
        "wrong_certificate" => (
            "certificat d’une autre structure",
            "Présenter le certificat AUTH_CLI remis pour cette boîte.",
            "Present the AUTH_CLI certificate issued for this mailbox.",
        ),
        "mechanism_not_allowed" => (
            "mécanisme non admis pour cette boîte",
            "XOAUTH2 pour une boîte personnelle ou organisationnelle, EXTERNAL pour une boîte applicative.",
            "XOAUTH2 for a personal or organisational mailbox, EXTERNAL for an applicative one.",
        ),
        "cancelled" => (
            "échange SASL interrompu par le client",
            "Mener l’échange SASL jusqu’à la réponse du serveur.",
            "Carry the SASL exchange through to the server's answer.",
        ),
        _ => (
            "refus",
            "Lire la réponse du serveur dans la transcription.",
            "Read the server's answer in the transcript.",
        ),
    };
    (
        Text::new(
            format!("Connexion refusée : {fr} ({reason})"),
            format!("Login refused: {code} ({reason})"),
        ),
        Text::new(next_fr, next_en),
    )
}
