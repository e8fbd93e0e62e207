//! Delivery status notices (RFC 3464) as octets: what became of a message, for its sender and for its sender's
//! software.
//!
//! Everything is given, nothing is looked up: the same notice is written twice alike. Its text is French first, then
//! English; the machine's part follows the RFC, in its UTF-8 form (RFC 6533) where an address asks for it.

use jiff::tz::TimeZone;
use kernel::Timestamp;

use crate::dsn::OriginalRecipient;

/// What happened to the recipients of a notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// `failed`: not delivered, and nobody tries again.
    Failed,
    /// `delayed`: not yet delivered.
    Delayed,
    /// `delivered`: in the mailbox.
    Delivered,
}

impl Action {
    /// The word of the `Action` field (RFC 3464 §2.3.3).
    pub fn name(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Delayed => "delayed",
            Self::Delivered => "delivered",
        }
    }

    fn subject(self) -> &'static str {
        match self {
            Self::Failed => "Undelivered Mail Returned to Sender",
            Self::Delayed => "Delayed Mail (no need to send it again)",
            Self::Delivered => "Successful Mail Delivery Report",
        }
    }

    fn french(self) -> &'static str {
        match self {
            Self::Failed => "Votre message n'a pas pu \u{ea}tre remis :",
            Self::Delayed => {
                "Votre message n'est pas encore remis ; l'envoi sera retent\u{e9}, ne le renvoyez pas :"
            }
            Self::Delivered => "Votre message est arriv\u{e9} dans la bo\u{ee}te aux lettres :",
        }
    }

    fn english(self) -> &'static str {
        match self {
            Self::Failed => "Your message could not be delivered:",
            Self::Delayed => {
                "Your message is not delivered yet; it will be tried again, do not send it again:"
            }
            Self::Delivered => "Your message has arrived in the mailbox:",
        }
    }
}

/// What happened to one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The address of RCPT.
    pub recipient: String,
    /// Its ORCPT.
    pub original: Option<OriginalRecipient>,
    /// Enhanced status code (RFC 3463): 5 for failed, 4 for delayed, 2 for delivered.
    pub status: &'static str,
    /// Why, in one line.
    pub text: String,
}

/// One notice, to the sender of a message, of what happened to some of its recipients.
#[derive(Clone, Debug)]
pub struct Notice<'a> {
    /// What happened.
    pub action: Action,
    /// To whom; at least one.
    pub outcomes: &'a [Outcome],
    /// The message's envelope sender: whom the notice goes to.
    pub sender: &'a str,
    /// The server's name.
    pub hostname: &'a str,
    /// The notice's own mark, unique: in its Message-ID and boundary.
    pub id: &'a str,
    /// The message's queue id, as its final 250 had it.
    pub queue_id: &'a str,
    /// The client's ENVID.
    pub envid: Option<&'a str>,
    /// The message's Message-ID, without angle brackets.
    pub message_id: Option<&'a str>,
    /// When the message came.
    pub arrived: Timestamp,
    /// When the notice is written.
    pub at: Timestamp,
    /// Until when a delayed message is tried.
    pub retry_until: Option<Timestamp>,
    /// The message's header block, blank line included or not.
    pub headers: &'a [u8],
    /// The whole message, where it is returned (RET=FULL on a failure).
    pub full: Option<&'a [u8]>,
}

impl Notice<'_> {
    /// The notice's octets, lines ended with CR LF. Its reverse path is `<>` (RFC 3464 §2), which the caller writes.
    pub fn write(&self) -> Vec<u8> {
        let returned = self.full.unwrap_or(self.headers);
        let boundary = self.boundary(returned);
        let wide = self.is_wide();
        let mut out = Vec::with_capacity(returned.len() + 2_048);
        let mut put = |text: &str| out.extend_from_slice(text.as_bytes());
        put(&format!(
            "Date: {}\r\nFrom: Mail Delivery System <MAILER-DAEMON@{}>\r\nTo: <{}>\r\nSubject: {}\r\nMessage-ID: <{}@{}>\r\n",
            date(self.at),
            self.hostname,
            clean(self.sender),
            self.action.subject(),
            self.id,
            self.hostname
        ));
        if let Some(id) = self.message_id.map(clean).filter(|id| !id.contains([' ', '<', '>'])) {
            put(&format!("In-Reply-To: <{id}>\r\nReferences: <{id}>\r\n"));
        }
        put(&format!(
            "Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n\
             Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary=\"{boundary}\"\r\n\
             Content-Transfer-Encoding: 8bit\r\n\r\n\
             --{boundary}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
        ));
        put(&self.text());
        let (kind, encoding) =
            if wide { ("global-delivery-status", "8bit") } else { ("delivery-status", "7bit") };
        put(&format!(
            "\r\n--{boundary}\r\nContent-Type: message/{kind}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
        ));
        put(&self.fields(wide));
        let kind = match (self.full.is_some(), returned.is_ascii()) {
            (true, _) => "message/rfc822",
            (false, true) => "text/rfc822-headers",
            (false, false) => "message/global-headers",
        };
        put(&format!(
            "\r\n--{boundary}\r\nContent-Type: {kind}\r\nContent-Transfer-Encoding: {}\r\n\r\n",
            if returned.is_ascii() { "7bit" } else { "8bit" }
        ));
        out.extend_from_slice(returned);
        if !returned.ends_with(b"\r\n") {
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        out
    }

    fn text(&self) -> String {
        let mut text = String::new();
        for lead in [self.action.french(), self.action.english()] {
            text.push_str(lead);
            text.push_str("\r\n\r\n");
            for outcome in self.outcomes {
                text.push_str(&format!(
                    "    <{}>\r\n        {} {}\r\n",
                    clean(&outcome.recipient),
                    outcome.status,
                    clean(&outcome.text)
                ));
            }
            text.push_str("\r\n");
        }
        text.push_str(&format!("{} {}\r\n", self.hostname, self.queue_id));
        text
    }

    /// The two kinds of groups of RFC 3464 §2.1.
    fn fields(&self, wide: bool) -> String {
        let mut out = format!("Reporting-MTA: dns; {}\r\n", self.hostname);
        if let Some(envid) = self.envid {
            out.push_str(&format!("Original-Envelope-Id: {}\r\n", clean(envid)));
        }
        out.push_str(&format!("X-Queue-ID: {}\r\nArrival-Date: {}\r\n", self.queue_id, date(self.arrived)));
        for outcome in self.outcomes {
            out.push_str("\r\n");
            if let Some(original) = &outcome.original {
                let (kind, address) = (clean(&original.kind), clean(&original.address));
                out.push_str(&format!("Original-Recipient: {kind}; {address}\r\n"));
            }
            let kind = if wide { "utf-8" } else { "rfc822" };
            out.push_str(&format!(
                "Final-Recipient: {kind}; {}\r\nAction: {}\r\nStatus: {}\r\n",
                clean(&outcome.recipient),
                self.action.name(),
                outcome.status
            ));
            if self.action != Action::Delivered {
                let code = if self.action == Action::Failed { 550 } else { 450 };
                let text = clean(&outcome.text);
                out.push_str(&format!("Diagnostic-Code: smtp; {code} {} {text}\r\n", outcome.status));
            }
            out.push_str(&format!("Last-Attempt-Date: {}\r\n", date(self.at)));
            if let Some(until) = self.retry_until.filter(|_| self.action == Action::Delayed) {
                out.push_str(&format!("Will-Retry-Until: {}\r\n", date(until)));
            }
        }
        out
    }

    fn is_wide(&self) -> bool {
        let narrow = |outcome: &Outcome| {
            outcome.recipient.is_ascii()
                && outcome.text.is_ascii()
                && outcome.original.as_ref().is_none_or(|one| one.address.is_ascii())
        };
        !self.outcomes.iter().all(narrow)
    }

    /// No line of what is returned begins with it.
    fn boundary(&self, returned: &[u8]) -> String {
        let mut boundary = format!("=_{}", self.id);
        while memchr::memmem::find(returned, boundary.as_bytes()).is_some() {
            boundary.push('_');
        }
        boundary
    }
}

/// `Mon, 23 Nov 2026 10:00:00 +0000` (RFC 5322 §3.3).
pub fn date(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()
}

/// One line, whatever a client put there.
fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(recipient: &str) -> Outcome {
        Outcome {
            recipient: recipient.into(),
            original: OriginalRecipient::parse("rfc822;c+2Bx@d.fr"),
            status: "5.4.4",
            text: "no such place\r\nAction: delivered".into(),
        }
    }

    fn notice<'a>(outcomes: &'a [Outcome], headers: &'a [u8]) -> Notice<'a> {
        Notice {
            action: Action::Failed,
            outcomes,
            sender: "a@b.fr",
            hostname: "smtp.lab",
            id: "N1",
            queue_id: "Q1",
            envid: Some("mark 7"),
            message_id: Some("1@b.fr"),
            arrived: "2026-11-23T10:00:00Z".parse().unwrap(),
            at: "2026-11-23T10:00:01Z".parse().unwrap(),
            retry_until: None,
            headers,
            full: None,
        }
    }

    #[test]
    fn a_failure_has_the_three_parts_of_the_rfc() {
        let outcomes = [outcome("c@d.fr")];
        let text = String::from_utf8(notice(&outcomes, b"Subject: x\r\n--=_N1\r\n").write()).unwrap();
        assert!(text.contains("boundary=\"=_N1_\""), "the boundary is not in what is returned: {text}");
        let parts: Vec<&str> = text.split("--=_N1_").collect();
        assert_eq!(parts.len(), 5);
        assert!(parts[1].contains("n'a pas pu être remis") && parts[1].contains("could not be delivered"));
        let status = parts[2].split_once("\r\n\r\n").unwrap().1;
        assert_eq!(
            status,
            "Reporting-MTA: dns; smtp.lab\r\nOriginal-Envelope-Id: mark 7\r\nX-Queue-ID: Q1\r\n\
             Arrival-Date: Mon, 23 Nov 2026 10:00:00 +0000\r\n\r\n\
             Original-Recipient: rfc822; c+x@d.fr\r\nFinal-Recipient: rfc822; c@d.fr\r\nAction: failed\r\nStatus: 5.4.4\r\n\
             Diagnostic-Code: smtp; 550 5.4.4 no such place  Action: delivered\r\n\
             Last-Attempt-Date: Mon, 23 Nov 2026 10:00:01 +0000\r\n\r\n"
        );
        assert!(
            parts[3].ends_with("Subject: x\r\n--=_N1\r\n\r\n") && parts[3].contains("text/rfc822-headers")
        );
        assert!(text.contains("In-Reply-To: <1@b.fr>\r\n"));
        assert!(text.split("\r\n").all(|line| !line.contains(['\r', '\n']) && line.len() <= 998));
    }

    #[test]
    fn addresses_in_utf8_make_a_global_notice() {
        let outcomes = [outcome("ren\u{e9}@d.fr")];
        let mut notice = notice(&outcomes, b"Subject: x");
        (notice.action, notice.retry_until) = (Action::Delayed, Some(notice.at));
        notice.full = Some("Subject: \u{e9}\r\n\r\nx".as_bytes());
        let text = String::from_utf8(notice.write()).unwrap();
        assert!(text.contains("message/global-delivery-status"));
        assert!(text.contains("Final-Recipient: utf-8; ren\u{e9}@d.fr\r\nAction: delayed\r\n"));
        assert!(text.contains("Will-Retry-Until: Mon, 23 Nov 2026 10:00:01 +0000\r\n"));
        assert!(text.contains("Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n"));
    }
}
