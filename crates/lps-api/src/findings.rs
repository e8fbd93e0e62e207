//! What a *diagnostic de connexion* found, in words: the engine says causes, a face says sentences.

use i18n::{Arg, Lang, text_with};
use lps::engine::{self, Cause, Diagnosis, Grade, Step};
use serde::Serialize;
use utoipa::ToSchema;

/// One step of a connection, up to the first that fails.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Finding {
    /// `settings`, `dns`, `port`, `tls`, `certificate`, `revocation`, `own_certificate`, `login`, `mailbox`.
    #[schema(value_type = String)]
    step: Step,
    /// `good`, `warning` (it works, and not for ever), `bad` (what comes behind was not tried).
    #[schema(value_type = String)]
    outcome: Grade,
    /// What programs compare, such as `port_filtered` or `intercepted`; `fine` where all is well.
    #[schema(value_type = String)]
    cause: Cause,
    /// In plain French.
    fr: String,
    /// In plain English.
    en: String,
    /// The place, or the words that were met: for whoever is asked for help.
    detail: String,
    /// Days until the end of a certificate that ends soon.
    days: Option<i64>,
}

impl Finding {
    /// Every step of a diagnosis.
    pub(crate) fn all(found: &Diagnosis) -> Vec<Self> {
        found.findings.iter().map(Self::new).collect()
    }

    fn new(found: &engine::Finding) -> Self {
        let say = |lang| sentence(lang, found.step, found.cause, found.days);
        Self {
            step: found.step,
            outcome: found.grade,
            cause: found.cause,
            fr: say(Lang::Fr),
            en: say(Lang::En),
            detail: found.detail.clone(),
            days: found.days,
        }
    }
}

fn sentence(lang: Lang, step: Step, cause: Cause, days: Option<i64>) -> String {
    let days = [("days", Arg::Number(days.unwrap_or_default()))];
    format!("{} – {}", i18n::text(lang, name(step)), text_with(lang, said(cause), &days))
}

fn name(step: Step) -> &'static str {
    match step {
        Step::Settings => "lps-step-settings",
        Step::Dns => "lps-step-dns",
        Step::Port => "lps-step-port",
        Step::Tls => "lps-step-tls",
        Step::Certificate => "lps-step-certificate",
        Step::Revocation => "lps-step-revocation",
        Step::OwnCertificate => "lps-step-own-certificate",
        Step::Login => "lps-step-login",
        Step::Mailbox => "lps-step-mailbox",
    }
}

fn said(cause: Cause) -> &'static str {
    match cause {
        Cause::Fine => "lps-cause-fine",
        Cause::SettingsUnreadable => "lps-cause-settings",
        Cause::DnsSilent => "lps-cause-dns-silent",
        Cause::NoService => "lps-cause-no-service",
        Cause::NotOffered => "lps-cause-not-offered",
        Cause::OutsideDomain => "lps-cause-outside-domain",
        Cause::NoAddress => "lps-cause-no-address",
        Cause::PortFiltered => "lps-cause-port-filtered",
        Cause::PortClosed => "lps-cause-port-closed",
        Cause::Unreachable => "lps-cause-unreachable",
        Cause::NotMail => "lps-cause-not-mail",
        Cause::NoStartTls => "lps-cause-no-starttls",
        Cause::TlsIncompatible => "lps-cause-tls-incompatible",
        Cause::Intercepted => "lps-cause-intercepted",
        Cause::CertificateExpired => "lps-cause-certificate-expired",
        Cause::CertificateNotYetValid => "lps-cause-certificate-early",
        Cause::WrongName => "lps-cause-wrong-name",
        Cause::Revoked => "lps-cause-revoked",
        Cause::NoRevocationList => "lps-cause-no-list",
        Cause::OwnCertificateRefused => "lps-cause-own-refused",
        Cause::EndsSoon => "lps-cause-ends-soon",
        Cause::OwnCertificateExpired => "lps-cause-own-expired",
        Cause::NobodyLoggedIn => "lps-cause-nobody",
        Cause::SessionOver => "lps-cause-session-over",
        Cause::PscAway => "lps-cause-psc-away",
        Cause::LoginRefused => "lps-cause-login-refused",
        Cause::LoginNotOffered => "lps-cause-login-not-offered",
        Cause::ServerBusy => "lps-cause-server-busy",
        Cause::InboxRefused => "lps-cause-inbox-refused",
        Cause::Broken => "lps-cause-broken",
        // One that a later engine adds: its detail says it.
        _ => "lps-cause-broken",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_a_sentence_in_both_languages() {
        let found = engine::Finding {
            step: Step::OwnCertificate,
            grade: Grade::Warning,
            cause: Cause::EndsSoon,
            detail: "client.pem".into(),
            days: Some(7),
        };
        let finding = Finding::new(&found);
        assert!(
            finding.fr.contains('7') && finding.fr.starts_with("Certificat de la boîte"),
            "{}",
            finding.fr
        );
        assert!(finding.en.contains("ends in 7 days"), "{}", finding.en);
        let json = serde_json::to_value(&finding).unwrap();
        assert_eq!((json["cause"].as_str(), json["outcome"].as_str()), (Some("ends_soon"), Some("warning")));
    }
}
