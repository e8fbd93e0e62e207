//! Receipts: of reading (MDN, RFC 8098), of delivery (DSN, RFC 3464), and the mails that come back.
//!
//! What decides is the report's fields, never the words for people, which every program writes in its own way; words
//! count only where the fields say nothing, as in the bounces of Mon espace santé. A receipt is never answered by a
//! receipt, neither here nor by what is written here.

mod bounce;
mod dsn;
mod mdn;
mod report;
mod write;

pub use bounce::{Bounce, BounceCause, Clue};
pub use dsn::{Delivery, DeliveryAction, Dsn, DsnRequest};
pub use mdn::{Disposition, IntegrationError, Mdn, MdnRequest, Reserve};
pub use report::Original;
pub use write::{Answer, AnswerError, Receipt, ReceiptBytes};

/// What a mail reports of another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// A receipt of reading or of treatment; also an ordinary mail with the subject of an integration error.
    Mdn(Mdn),
    /// A report of delivery.
    Dsn(Dsn),
    /// A mail that came back in the words of some server, without fields that say more.
    Bounce(Bounce),
}

impl Report {
    /// Reads a mail; `None` for one that reports nothing.
    pub fn read(message: &[u8]) -> Option<Self> {
        let limits = crate::MailLimits::default();
        if message.len() as u64 > limits.message {
            return None;
        }
        Self::of(&crate::mime::Tree::read(message, &limits))
    }

    pub(crate) fn of(tree: &crate::mime::Tree<'_>) -> Option<Self> {
        if let Some(mdn) = mdn::read(tree) {
            return Some(Self::Mdn(mdn));
        }
        if let Some(dsn) = dsn::read(tree) {
            return Some(Self::Dsn(dsn));
        }
        bounce::of_words(tree).map(Self::Bounce)
    }

    /// Why the mail came back, where it did.
    pub fn bounce(&self) -> Option<&Bounce> {
        match self {
            Self::Mdn(_) => None,
            Self::Dsn(dsn) => dsn.bounce.as_ref(),
            Self::Bounce(bounce) => Some(bounce),
        }
    }
}
