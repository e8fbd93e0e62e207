use std::sync::Weak;

use smtpd::{BoxFuture, Recipients, Resolution};

use crate::Shared;

/// Mail goes only between the sandbox's own mailboxes; anything else is refused at RCPT.
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
        if let Some(account) = known.aliases.get(&address) {
            return Resolution::Deliver { account: *account };
        }
        if let Some(mailbox) = known.by_address.get(&address) {
            return Resolution::Deliver { account: mailbox.account };
        }
        let domain = address.rsplit_once('@').map(|(_, domain)| domain).unwrap_or_default();
        if domain == operator.parts.domain {
            let text = format!("<{address}>: no such mailbox in this sandbox");
            Resolution::Refused { code: 550, enhanced: "5.1.1", text }
        } else {
            let text = format!(
                "<{address}>: mail goes only between the mailboxes of @{}; nothing leaves this sandbox",
                operator.parts.domain
            );
            Resolution::Refused { code: 550, enhanced: "5.7.1", text }
        }
    }
}

impl Recipients for TrustSpace {
    fn resolve<'a>(&'a self, address: &'a str) -> BoxFuture<'a, Resolution> {
        Box::pin(async move { self.find(address) })
    }
}
