use super::bounce::Bounce;
use super::{Original, report};
use crate::mime::Tree;
use crate::{Address, MessageId};

/// What a sender asks of the servers on the way (RFC 3461), for one mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DsnRequest {
    /// ENVID, which comes back as Original-Envelope-Id: here the Message-ID, so that no other table is needed.
    pub envelope_id: String,
}

impl DsnRequest {
    /// The request for the mail of this Message-ID.
    pub fn new(message_id: &MessageId) -> Self {
        Self { envelope_id: message_id.as_str().to_owned() }
    }

    /// What follows `MAIL FROM:<…>`, a blank before it: headers alone come back, because the content is health data. To
    /// be used only where EHLO offered `DSN`.
    pub fn mail_parameters(&self) -> String {
        format!(" RET=HDRS ENVID={}", xtext(&self.envelope_id))
    }

    /// What follows `RCPT TO:<…>`, a blank before it.
    pub fn recipient_parameters(&self, recipient: &Address) -> String {
        // RFC 6533 §3: an address outside ASCII is of the type `utf-8`.
        let kind = if recipient.is_ascii() { "rfc822" } else { "utf-8" };
        format!(" NOTIFY=SUCCESS,FAILURE,DELAY ORCPT={kind};{}", xtext(recipient.as_str()))
    }
}

/// RFC 3461 §4: printable ASCII but `+` and `=`, all else as `+XX`; letters outside ASCII as `\x{XXXX}` (RFC 6533 §3).
pub(super) fn xtext(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '!'..='~' if !matches!(c, '+' | '=') => out.push(c),
            c if c.is_ascii() => out.push_str(&format!("+{:02X}", u32::from(c))),
            c => out.push_str(&format!("\\x{{{:X}}}", u32::from(c))),
        }
    }
    out
}

/// The text before [`xtext`]; what is no such thing stays.
pub(super) fn of_xtext(text: &str) -> String {
    let (mut out, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    let letter = |bytes: &[u8]| {
        let hex = std::str::from_utf8(bytes.strip_prefix(b"x{")?.split(|&b| b == b'}').next()?).ok()?;
        let c = char::from_u32(u32::from_str_radix(hex, 16).ok().filter(|_| hex.len() <= 6)?)?;
        bytes.get(hex.len() + 2).filter(|&&b| b == b'}').map(|_| (c, hex.len() + 3))
    };
    while let [first, tail @ ..] = rest {
        if *first == b'\\'
            && let Some((c, length)) = letter(tail)
        {
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            rest = &tail[length..];
            continue;
        }
        match tail.get(..2).and_then(crate::mime::hex_octet) {
            Some(octet) if *first == b'+' => {
                out.push(octet);
                rest = &tail[2..];
            }
            _ => {
                out.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8(out).unwrap_or_else(|_| text.to_owned())
}

/// A report of delivery (RFC 3464).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dsn {
    /// The mail that it speaks of.
    pub original: Original,
    /// Original-Envelope-Id, decoded: what [`DsnRequest`] sent.
    pub envelope_id: Option<String>,
    /// Reporting-MTA, without its type.
    pub reporter: Option<String>,
    /// Recipient by recipient.
    pub deliveries: Vec<Delivery>,
    /// Why the mail came back, where it did for a recipient.
    pub bounce: Option<Bounce>,
}

/// What became of a mail for one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Original-Recipient, else Final-Recipient: the address that was written to.
    pub recipient: Option<Address>,
    /// Final-Recipient.
    pub final_recipient: Option<Address>,
    /// What was done.
    pub action: DeliveryAction,
    /// Status, `class.subject.detail` (RFC 3463); `None` where it is none.
    pub status: Option<(u16, u16, u16)>,
    /// Diagnostic-Code, without its type.
    pub diagnostic: String,
}

/// What a server did (RFC 3464 §2.3.3).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeliveryAction {
    /// In the mailbox.
    Delivered,
    /// With a server that reports no further.
    Relayed,
    /// With a list.
    Expanded,
    /// Not yet; it is being tried.
    Delayed,
    /// Not delivered.
    Failed,
    /// Another word, or none.
    Other(String),
}

impl DeliveryAction {
    fn of(word: &str) -> Self {
        match word.split_whitespace().next().unwrap_or_default().to_ascii_lowercase().as_str() {
            "delivered" => Self::Delivered,
            "relayed" => Self::Relayed,
            "expanded" => Self::Expanded,
            "delayed" => Self::Delayed,
            "failed" => Self::Failed,
            other => Self::Other(other.chars().take(60).collect()),
        }
    }
}

/// Recipients of one report.
const MOST_DELIVERIES: usize = 500;

pub(super) fn read(tree: &Tree<'_>) -> Option<Dsn> {
    let node = report::part(tree, &["message/delivery-status", "message/global-delivery-status"])?;
    let groups = report::groups(node);
    let is_recipient = |group: &Vec<(String, String)>| {
        ["final-recipient", "original-recipient", "action"]
            .iter()
            .any(|name| report::value(group, name).is_some())
    };
    let deliveries: Vec<Delivery> = groups
        .iter()
        .filter(|group| is_recipient(group))
        .take(MOST_DELIVERIES)
        .map(|group| delivery(group))
        .collect();
    let of_message = groups.first().map(Vec::as_slice).unwrap_or_default();
    let envelope_id = report::value(of_message, "original-envelope-id").map(of_xtext);
    let original = Original::of(tree, envelope_id.as_deref().filter(|id| id.contains('@')));
    let bounce = Bounce::of_deliveries(&deliveries, &original, &report::words(tree));
    Some(Dsn {
        original,
        envelope_id,
        reporter: report::value(of_message, "reporting-mta").map(|value| untyped(value).to_owned()),
        deliveries,
        bounce,
    })
}

fn delivery(group: &[(String, String)]) -> Delivery {
    let address = |name| report::value(group, name).and_then(report::typed_address);
    let final_recipient = address("final-recipient");
    Delivery {
        recipient: address("original-recipient").or_else(|| final_recipient.clone()),
        final_recipient,
        action: DeliveryAction::of(report::value(group, "action").unwrap_or_default()),
        status: report::value(group, "status").and_then(status),
        diagnostic: untyped(report::value(group, "diagnostic-code").unwrap_or_default())
            .chars()
            .take(1_000)
            .collect(),
    }
}

fn untyped(value: &str) -> &str {
    value.split_once(';').map_or(value, |(_, rest)| rest).trim()
}

/// `5.1.1 (user unknown)`.
fn status(value: &str) -> Option<(u16, u16, u16)> {
    let mut three = value.split_whitespace().next()?.splitn(3, '.').map(|part| part.parse().ok());
    Some((three.next()??, three.next()??, three.next()??))
}
