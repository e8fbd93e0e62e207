use serde::{Deserialize, Serialize};

use super::dsn::{Delivery, DeliveryAction};
use super::{Original, report};
use crate::mime::{Tree, decode_words};
use crate::{Address, Mailbox};

/// A mail that came back, and why (spec 01 §5). The sentences of Mon espace santé are not published: fields decide where
/// there are some, then words; the text stays, for a person to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bounce {
    /// Why.
    pub cause: BounceCause,
    /// What tells it.
    pub clue: Clue,
    /// Who did not get it, where that is said.
    pub recipient: Option<Address>,
    /// The mail that came back.
    pub original: Original,
    /// What the server says to people, cut.
    pub text: String,
}

/// Why a mail came back, as far as it changes what the sender does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BounceCause {
    /// The mailbox is closed, or its owner takes no mail: another way is to be found.
    Closed,
    /// No such patient or mailbox.
    NotFound,
    /// The address is not well formed: the matricule is to be checked.
    InvalidAddress,
    /// Too large: to be sent in parts (25 MB for Mon espace santé).
    TooLarge,
    /// Not delivered for another reason.
    Other,
}

/// What a cause was told by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clue {
    /// The Status field (RFC 3463).
    Status(u16, u16, u16),
    /// A word of the text or of the diagnostic.
    Word(&'static str),
    /// Nothing but that it came back.
    None,
}

/// Words by cause, as compared: without accents, in upper case. The order matters: `adresse invalide, messagerie fermée`
/// is closed.
const WORDS: [(&str, BounceCause); 21] = [
    ("FERMEE", BounceCause::Closed),
    ("CLOTUR", BounceCause::Closed),
    ("DESACTIVE", BounceCause::Closed),
    ("DISABLED", BounceCause::Closed),
    ("25 MO", BounceCause::TooLarge),
    ("TAILLE", BounceCause::TooLarge),
    ("TROP VOLUMINEUX", BounceCause::TooLarge),
    ("TOO LARGE", BounceCause::TooLarge),
    ("TOO BIG", BounceCause::TooLarge),
    ("SIZE LIMIT", BounceCause::TooLarge),
    ("EXCEEDS", BounceCause::TooLarge),
    ("NON TROUVE", BounceCause::NotFound),
    ("INTROUVABLE", BounceCause::NotFound),
    ("INCONNU", BounceCause::NotFound),
    ("N EXISTE PAS", BounceCause::NotFound),
    ("USER UNKNOWN", BounceCause::NotFound),
    ("UNKNOWN USER", BounceCause::NotFound),
    ("NOT FOUND", BounceCause::NotFound),
    ("DOES NOT EXIST", BounceCause::NotFound),
    ("INVALIDE", BounceCause::InvalidAddress),
    ("INVALID", BounceCause::InvalidAddress),
];

impl Bounce {
    /// Of the first recipient that did not get the mail.
    pub(super) fn of_deliveries(deliveries: &[Delivery], original: &Original, text: &str) -> Option<Self> {
        let failed = |delivery: &&Delivery| {
            delivery.action == DeliveryAction::Failed
                || (matches!(delivery.action, DeliveryAction::Other(_))
                    && delivery.status.is_some_and(|(class, ..)| class == 5))
        };
        let delivery = deliveries.iter().find(failed)?;
        let by_status = delivery.status.and_then(|status| Some((of_status(status)?, status)));
        let (cause, clue) = match by_status {
            Some((cause, (a, b, c))) => (cause, Clue::Status(a, b, c)),
            None => of_text(&format!("{}\n{text}", delivery.diagnostic)),
        };
        Some(Self {
            cause,
            clue,
            recipient: delivery.recipient.clone(),
            original: original.clone(),
            text: if text.is_empty() { delivery.diagnostic.clone() } else { text.to_owned() },
        })
    }
}

/// RFC 3463, as far as it says a cause: `5.0.0` and the like do not.
fn of_status((class, subject, detail): (u16, u16, u16)) -> Option<BounceCause> {
    match (class, subject, detail) {
        (5, 1, 1 | 2 | 10) => Some(BounceCause::NotFound),
        (5, 1, 3) => Some(BounceCause::InvalidAddress),
        (5, 1, 6) | (5, 2, 1) => Some(BounceCause::Closed),
        (5, 2, 3) | (5, 3, 4) => Some(BounceCause::TooLarge),
        _ => None,
    }
}

fn of_text(text: &str) -> (BounceCause, Clue) {
    let folded = ins::folded(&text.chars().take(8_000).collect::<String>());
    match WORDS.iter().find(|(word, _)| folded.contains(word)) {
        Some((word, cause)) => (*cause, Clue::Word(word)),
        None => (BounceCause::Other, Clue::None),
    }
}

/// A mail without fields that says in its subject, from a server, that another was not delivered. A professional's mail
/// with such a subject is none: the sender has to be a server too.
pub(super) fn of_words(tree: &Tree<'_>) -> Option<Bounce> {
    let root = tree.nodes.first()?;
    let subject = decode_words(root.field("subject").unwrap_or_default());
    let folded = ins::folded(&subject.chars().take(200).collect::<String>());
    let said = [
        "MESSAGE NON DISTRIBUE",
        "UNDELIVERED MAIL RETURNED TO SENDER",
        "MAIL DELIVERY FAILED",
        "DELIVERY STATUS NOTIFICATION (FAILURE)",
        "ECHEC DE REMISE",
        "NON REMIS",
    ]
    .iter()
    .any(|start| folded.starts_with(start));
    if !said || !from_a_server(tree) {
        return None;
    }
    let text = report::words(tree);
    let (cause, clue) = of_text(&text);
    let original = Original::of(tree, None);
    let recipient = original
        .to
        .first()
        .cloned()
        .or_else(|| root.field("x-failed-recipients").and_then(report::typed_address));
    Some(Bounce { cause, clue, recipient, original, text })
}

/// `MAILER-DAEMON`, `postmaster`, no return path, or declared as written by a program.
pub(crate) fn from_a_server(tree: &Tree<'_>) -> bool {
    let Some(root) = tree.nodes.first() else { return false };
    let from = root.field("from").map(Mailbox::list).unwrap_or_default();
    let daemon = from.iter().any(|mailbox| {
        let local = mailbox.raw.split('@').next().unwrap_or_default().to_ascii_lowercase();
        matches!(local.as_str(), "mailer-daemon" | "postmaster" | "mail-daemon")
    });
    daemon
        || root.field("return-path").is_some_and(|path| path.trim() == "<>")
        || root
            .field("auto-submitted")
            .is_some_and(|value| value.trim().to_ascii_lowercase().starts_with("auto-replied"))
}
