use std::fmt;

use super::{Original, report};
use crate::mime::{Tree, decode_words};
use crate::{Address, MailLimits, Mailbox};

/// A request for a receipt of reading (`Disposition-Notification-To`, RFC 8098 §2.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MdnRequest {
    /// Where receipts go; never empty.
    pub to: Vec<Address>,
    /// What forbids to answer without asking a person. An answer without reserve may be automatic, and must be so only
    /// for a mailbox of application: a human one asks its user always.
    pub reserves: Vec<Reserve>,
}

/// Why a receipt may not be sent by itself (RFC 8098 §2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reserve {
    /// The mail has no Return-Path to compare with, so that nobody knows who would get the receipt.
    NoReturnPath,
    /// The Return-Path is another address.
    OtherReturnPath,
    /// More than one address.
    SeveralAddresses,
    /// Disposition-Notification-Options has a parameter that is required and not known (§2.2).
    RequiredOption,
}

impl MdnRequest {
    /// The request of a mail. `None` where there is none, and for a mail that is itself a report or comes from nobody
    /// (`Return-Path: <>`): those are never answered (RFC 8098 §3).
    pub fn read(message: &[u8]) -> Option<Self> {
        let limits = MailLimits::default();
        if message.len() as u64 > limits.message {
            return None;
        }
        Self::of(&Tree::read(message, &limits))
    }

    pub(crate) fn of(tree: &Tree<'_>) -> Option<Self> {
        let root = tree.nodes.first()?;
        if is_report(tree) {
            return None;
        }
        let to: Vec<Address> = Mailbox::list(root.field("disposition-notification-to")?)
            .into_iter()
            .filter_map(|mailbox| mailbox.address)
            .collect();
        let first = to.first()?;
        let mut reserves = Vec::new();
        match root.field("return-path").map(str::trim) {
            Some("<>") => return None,
            None => reserves.push(Reserve::NoReturnPath),
            Some(path) => {
                let path = Address::parse(path.trim_start_matches('<').trim_end_matches('>')).ok();
                if !path.is_some_and(|path| same(&path, first)) {
                    reserves.push(Reserve::OtherReturnPath);
                }
            }
        }
        if to.len() > 1 {
            reserves.push(Reserve::SeveralAddresses);
        }
        let options = root.field("disposition-notification-options").unwrap_or_default();
        if options.split(';').any(|option| {
            option
                .split_once('=')
                .is_some_and(|(_, value)| value.trim().to_ascii_lowercase().starts_with("required"))
        }) {
            reserves.push(Reserve::RequiredOption);
        }
        Some(Self { to, reserves })
    }

    /// Whether a program may answer by itself.
    pub fn may_be_automatic(&self) -> bool {
        self.reserves.is_empty()
    }
}

/// MSSanté operators do not tell mailboxes apart by case.
fn same(a: &Address, b: &Address) -> bool {
    a.as_str().to_lowercase() == b.as_str().to_lowercase()
}

/// Whether a mail is a report of any kind: by its own type, or by that of one of its parts.
pub(super) fn is_report(tree: &Tree<'_>) -> bool {
    let typed = |mime: &str| {
        matches!(mime, "multipart/report" | "message/disposition-notification" | "message/delivery-status")
    };
    let declared = tree.nodes.first().is_some_and(|root| root.declared.value == "multipart/report");
    declared || tree.nodes.iter().any(|node| !node.attached && typed(&node.mime))
}

/// A receipt of reading or of treatment, of whatever make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mdn {
    /// The mail that it speaks of.
    pub original: Original,
    /// Final-Recipient: who has read.
    pub final_recipient: Option<Address>,
    /// Original-Recipient: to whom it was written.
    pub original_recipient: Option<Address>,
    /// What became of the mail.
    pub disposition: Disposition,
    /// `manual-action`: a person did it.
    pub manual: bool,
    /// `MDN-sent-manually`: a person agreed to the receipt.
    pub sent_manually: bool,
    /// The error of integration, where one is told, in whichever place: modifier, `Error` field, subject.
    pub error: Option<IntegrationError>,
    /// The `Error`, `Failure` and `Warning` fields as they are.
    pub remarks: Vec<String>,
    /// Whether it is a receipt of RFC 8098. An ordinary mail with the subject of an integration error is none: that is
    /// what goes back where no receipt was asked (spec 01 §4.6).
    pub formal: bool,
}

/// What became of a mail (RFC 8098 §3.2.6.2, with the older words of RFC 2298).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Disposition {
    /// Shown to somebody.
    Displayed,
    /// Treated by a program, without being shown.
    Processed,
    /// Deleted, perhaps unread.
    Deleted,
    /// Sent on.
    Dispatched,
    /// The recipient wants no receipt told.
    Denied,
    /// Treated, and that failed.
    Failed,
    /// Another word.
    Other(String),
}

impl Disposition {
    fn of(word: &str) -> Self {
        match word.to_ascii_lowercase().as_str() {
            "displayed" => Self::Displayed,
            "processed" => Self::Processed,
            "deleted" => Self::Deleted,
            "dispatched" => Self::Dispatched,
            "denied" => Self::Denied,
            "failed" => Self::Failed,
            _ => Self::Other(word.chars().take(60).collect()),
        }
    }
}

/// An error of integration: a code of the ANS and its label (spec 01 §4.6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntegrationError {
    /// 900 to 906; others, from HL7, are read as well.
    pub code: u16,
    /// In words; the sender's, or ours for a known code.
    pub label: String,
}

impl IntegrationError {
    /// The error of this code with its usual label; `None` for a code of HL7, of which the receiver says the words.
    pub fn known(code: u16) -> Option<Self> {
        let label = match code {
            900 => "Version du document incorrecte",
            901 => "Auteur non autorisé",
            902 => "Identifiant patient inconnu",
            903 => "INS absente du document",
            904 => "INS différente de celle de la base",
            905 => "INS incomplète",
            906 => "Autre erreur d'intégration",
            _ => return None,
        };
        Some(Self { code, label: label.to_owned() })
    }

    /// `<code>^<label>`, or a code alone.
    fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        let (code, label) = text.split_once('^').unwrap_or((text, ""));
        let code = code.trim().parse().ok().filter(|code| (100..1_000).contains(code))?;
        let label = label.trim().chars().take(200).collect::<String>();
        if label.is_empty() {
            Self::known(code).or(Some(Self { code, label }))
        } else {
            Some(Self { code, label })
        }
    }

    /// Of a subject: `[KO Intégration système !][902] …`, or `[Erreur d'intégration !][902] …` as older versions of the
    /// reference write it.
    fn of_subject(subject: &str) -> Option<Self> {
        let folded = ins::folded(subject.get(..subject.floor_char_boundary(120))?);
        let inner = folded.strip_prefix('[')?;
        if !(inner.starts_with("KO INTEGRATION") || inner.starts_with("ERREUR D INTEGRATION")) {
            return None;
        }
        inner.split('[').nth(1).and_then(|rest| rest.split(']').next()).and_then(Self::read)
    }
}

impl fmt::Display for IntegrationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}^{}", self.code, self.label)
    }
}

/// A receipt, by its machine-readable part wherever that stands; else a mail with the subject of an integration error.
pub(super) fn read(tree: &Tree<'_>) -> Option<Mdn> {
    let subject = decode_words(tree.nodes.first()?.field("subject").unwrap_or_default());
    let of_subject = IntegrationError::of_subject(subject.trim());
    let Some(node) =
        report::part(tree, &["message/disposition-notification", "message/global-disposition-notification"])
    else {
        return of_subject.map(|error| Mdn {
            original: Original::of(tree, None),
            final_recipient: None,
            original_recipient: None,
            disposition: Disposition::Failed,
            manual: false,
            sent_manually: false,
            error: Some(error),
            remarks: Vec::new(),
            formal: false,
        });
    };
    let group: Vec<(String, String)> = report::groups(node).into_iter().flatten().collect();
    let value = |name: &str| report::value(&group, name);
    let said = value("disposition").unwrap_or_default();
    let (modes, what) = said.split_once(';').unwrap_or(("", said));
    let (word, modifier) = what.split_once('/').unwrap_or((what, ""));
    let remarks: Vec<String> = group
        .iter()
        .filter(|(name, _)| matches!(name.as_str(), "error" | "failure" | "warning"))
        .map(|(_, value)| decode_words(value).chars().take(500).collect())
        .collect();
    // The ANS writes `processed/Error: 902^…`; RFC 8098 has the words in a field of their own.
    let of_modifier =
        modifier.split_once(':').and_then(|(_, text)| IntegrationError::read(&decode_words(text)));
    let error =
        of_modifier.or_else(|| remarks.iter().find_map(|text| IntegrationError::read(text))).or(of_subject);
    let modes = modes.to_ascii_lowercase();
    Some(Mdn {
        original: Original::of(tree, value("original-message-id")),
        final_recipient: value("final-recipient").and_then(report::typed_address),
        original_recipient: value("original-recipient").and_then(report::typed_address),
        disposition: Disposition::of(word.trim()),
        manual: modes.contains("manual-action"),
        sent_manually: modes.contains("mdn-sent-manually"),
        error,
        remarks,
        formal: true,
    })
}
