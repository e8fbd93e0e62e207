//! Where mail may go, and how it fails on purpose.
//!
//! Mail goes only between the sandbox's own mailboxes. What happens after a message was taken is scripted by its
//! address alone, so that it is the same each time and needs no setting:
//!
//! | address | outcome |
//! |---|---|
//! | `delay+<mailbox>@<domain>` | a delay notice (4.4.1), then the mailbox has the message |
//! | `fail+unknown@<domain>` | failure notice 5.1.1 |
//! | `fail+closed@<domain>` | failure notice 5.2.1 |
//! | `fail+invalid@<domain>` | failure notice 5.1.3 |
//! | `fail+full@<domain>` | failure notice 5.2.2 |
//! | `fail+big@<domain>` | failure notice 5.3.4 |
//! | `<matricule>@patient.mssante.fr` | failure notice 5.1.1; 5.1.3 where it is no matricule |
//! | anything else at `mssante.fr` or below it | failure notice 5.4.4: a domain of the trust space that is not here |
//! | no mailbox at `<domain>` | refused at RCPT, 550 5.1.1 |
//! | any other domain | refused at RCPT, 550 5.7.1: outside of the trust space |
//!
//! Mailboxes and the aliases of runs come first, and a mailbox that is over its quota fails with 5.2.2 by itself.

use std::sync::Weak;

use smtpd::{Allowance, BoxFuture, Recipients, Resolution};

use crate::{Operator, Shared};

/// The trust space's parent domain (spec 01 §1).
const TRUST_SPACE: &str = "mssante.fr";
/// Patients' mailboxes at Mon espace santé (spec 01 §5).
const PATIENTS: &str = "patient.mssante.fr";

/// Why mail that was taken comes back: the causes of Mon espace santé (spec 01 §5), and a full mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Bounce {
    /// Nobody is known under this address.
    Unknown,
    /// The mailbox is closed.
    Closed,
    /// No such address can be.
    Invalid,
    /// The mailbox is full.
    Full,
    /// The message is too big for the recipient.
    TooBig,
}

impl Bounce {
    /// Every cause.
    pub const ALL: [Self; 5] = [Self::Unknown, Self::Closed, Self::Invalid, Self::Full, Self::TooBig];

    /// The word in `fail+<word>@<domain>`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Closed => "closed",
            Self::Invalid => "invalid",
            Self::Full => "full",
            Self::TooBig => "big",
        }
    }

    /// Enhanced status code of the notice (RFC 3463).
    pub fn status(self) -> &'static str {
        match self {
            Self::Unknown => "5.1.1",
            Self::Closed => "5.2.1",
            Self::Invalid => "5.1.3",
            Self::Full => "5.2.2",
            Self::TooBig => "5.3.4",
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::Unknown => "no mailbox is known under this address (adresse introuvable)",
            Self::Closed => "this mailbox is closed (messagerie fermee)",
            Self::Invalid => "this address is not valid (adresse invalide)",
            Self::Full => "this mailbox is full (boite pleine)",
            Self::TooBig => "the message is over the recipient's limit of 25 MB (message de plus de 25 Mo)",
        }
    }
}

/// What one run's own address leads to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Alias {
    Inbox(i64),
    Late(i64),
    Fails(Bounce),
}

impl Operator {
    /// Makes mail for `address` be taken, then fail, until [`Operator::remove_alias`].
    pub fn add_failing_alias(&self, address: &str, cause: Bounce) {
        self.shared.mailboxes().aliases.insert(address.to_lowercase(), Alias::Fails(cause));
    }

    /// Makes mail for `address` land in the mailbox of `account` after a notice of delay, until
    /// [`Operator::remove_alias`].
    pub fn add_late_alias(&self, address: &str, account: i64) {
        self.shared.mailboxes().aliases.insert(address.to_lowercase(), Alias::Late(account));
    }
}

/// Mail goes only between the sandbox's own mailboxes.
pub(crate) struct TrustSpace {
    operator: Weak<Shared>,
}

impl TrustSpace {
    pub(crate) fn new(operator: Weak<Shared>) -> Self {
        Self { operator }
    }

    fn find(&self, address: &str) -> Resolution {
        let Some(operator) = self.operator.upgrade() else { return Resolution::Unavailable };
        let address = address.to_lowercase();
        let known = operator.read();
        match known.aliases.get(&address) {
            Some(Alias::Inbox(account)) => return Resolution::Deliver { account: *account },
            Some(Alias::Late(account)) => return late(*account),
            Some(Alias::Fails(cause)) => return fails(*cause),
            None => {}
        }
        if let Some(entry) = known.by_address.get(&address) {
            return Resolution::Deliver { account: entry.mailbox.account };
        }
        let (local, domain) = address.rsplit_once('@').unwrap_or((&address, ""));
        if domain == operator.parts.domain {
            let behind = |rest: &str| known.by_address.get(&format!("{rest}@{domain}"));
            if let Some(entry) = local.strip_prefix("delay+").and_then(behind) {
                return late(entry.mailbox.account);
            }
            let scripted = local.strip_prefix("fail+");
            if let Some(cause) =
                scripted.and_then(|word| Bounce::ALL.into_iter().find(|one| one.name() == word))
            {
                return fails(cause);
            }
            let text = format!("<{address}>: no such mailbox in this sandbox");
            Resolution::Refused { code: 550, enhanced: "5.1.1", text }
        } else if domain == PATIENTS {
            fails(if is_matricule(local) { Bounce::Unknown } else { Bounce::Invalid })
        } else if domain == TRUST_SPACE
            || domain.strip_suffix(TRUST_SPACE).is_some_and(|head| head.ends_with('.'))
        {
            let text = format!("{domain} is a domain of the trust space that this sandbox does not host");
            Resolution::Fails { status: "5.4.4", text }
        } else {
            let text = format!(
                "<{address}>: mail goes only between the mailboxes of @{}; nothing leaves this sandbox",
                operator.parts.domain
            );
            Resolution::Refused { code: 550, enhanced: "5.7.1", text }
        }
    }
}

fn late(account: i64) -> Resolution {
    Resolution::Delayed { account, text: "the recipient's operator does not answer for now".into() }
}

fn fails(cause: Bounce) -> Resolution {
    Resolution::Fails { status: cause.status(), text: cause.text().into() }
}

/// The form of a patient's address (spec 01 §5): 13 characters and a key of two digits.
fn is_matricule(local: &str) -> bool {
    local.len() == 15 && local.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'a' | b'b'))
}

impl Recipients for TrustSpace {
    fn resolve<'a>(&'a self, address: &'a str) -> BoxFuture<'a, Resolution> {
        Box::pin(async move { self.find(address) })
    }

    /// The mailbox that is open, or another one that the same person may send as.
    fn may_send_as(&self, login: &sasl::Granted, address: &str) -> bool {
        let rights = self.operator.upgrade().and_then(|operator| operator.rights(address, &login.identity));
        rights.is_some_and(|rights| rights.send_as)
    }

    fn allowance(&self, mailbox: &str) -> Allowance {
        let limits =
            self.operator.upgrade().and_then(|operator| Some(operator.read().entry(mailbox)?.sending));
        let limits = limits.unwrap_or_default();
        Allowance {
            message: limits.message,
            recipients: limits.recipients.map(|most| usize::try_from(most).unwrap_or(usize::MAX)),
            per_minute: limits.per_minute,
        }
    }
}
