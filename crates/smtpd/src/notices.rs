//! Which notices a message gives rise to (RFC 3461 §5, RFC 3464), and their delivery to its sender.

use bytes::Bytes;
use intake::Reading;
use kernel::Timestamp;
use mailstore::{Delivery, Flags, MailStore};
use smtp::{Action, Notice, Outcome, Ret};

use crate::envelope::{Fate, Transaction};
use crate::headers;
use crate::receive::Received;

/// How long a late message is said to be tried: the usual five days (RFC 5321 §4.5.4.1).
const RETRIED: std::time::Duration = std::time::Duration::from_secs(5 * 24 * 3_600);

/// The notices due for a message, each with what happened: at most one of each kind.
pub(crate) fn due(transaction: &Transaction) -> Vec<(Action, Vec<Outcome>)> {
    let (mut failed, mut delayed, mut delivered) = (vec![], vec![], vec![]);
    for recipient in &transaction.recipients {
        let outcome = |status, text: &str| Outcome {
            recipient: recipient.address.clone(),
            original: recipient.orcpt.clone(),
            status,
            text: text.to_owned(),
        };
        match &recipient.fate {
            Fate::Fails { status, text } if recipient.notify.failure => failed.push(outcome(status, text)),
            Fate::Fails { .. } => {}
            Fate::Inbox { late, .. } => {
                if let Some(text) = late.as_ref().filter(|_| recipient.notify.delay) {
                    delayed.push(outcome("4.4.1", text));
                }
                if recipient.notify.success {
                    delivered.push(outcome("2.1.5", "delivered to the mailbox"));
                }
            }
        }
    }
    [(Action::Failed, failed), (Action::Delayed, delayed), (Action::Delivered, delivered)]
        .into_iter()
        .filter(|(_, outcomes)| !outcomes.is_empty())
        .collect()
}

/// A notice ready to be committed with its message, and the line that the journal keeps of it.
pub(crate) struct Written {
    pub(crate) delivery: Delivery,
    pub(crate) told: String,
}

/// Writes one notice into the sender's INBOX.
///
/// # Errors
/// What the store says of a notice too big for one piece.
pub(crate) async fn write(
    store: &MailStore,
    hostname: &str,
    (transaction, received): (&Transaction, &Received),
    (action, outcomes): &(Action, Vec<Outcome>),
    (inbox, at): (i64, Timestamp),
) -> Result<Written, db::Error> {
    let id = kernel::random::mark().to_ascii_uppercase();
    let sender = transaction.from.address();
    let message_id = headers::message_id(&received.body.headers);
    let full = received.copy.as_deref();
    let notice = Notice {
        action: *action,
        outcomes,
        sender: &sender,
        hostname,
        id: &id,
        queue_id: &received.queue_id,
        envid: transaction.envid.as_deref(),
        message_id: message_id.as_deref(),
        arrived: received.arrived,
        at,
        retry_until: at.checked_add(RETRIED).ok(),
        headers: &received.body.headers,
        full: full.filter(|_| *action == Action::Failed && transaction.ret == Some(Ret::Full)),
    };
    let bytes = notice.write();
    let mut body = store.body();
    body.push(&bytes).await?;
    let mut body = body.finish();
    let trace = format!("Return-Path: <>\r\nReceived: by {hostname} id {id};\r\n\t{}\r\n", smtp::date(at));
    let mut reading = Reading::default();
    reading.push(trace.as_bytes());
    reading.push(&bytes);
    body.learned = Some(reading.finish());
    let who: Vec<String> =
        outcomes.iter().map(|outcome| format!("<{}> {}", outcome.recipient, outcome.status)).collect();
    let told =
        format!("notice {id} ({}) of {} to <{sender}>: {}", action.name(), received.queue_id, who.join(", "));
    let delivery = Delivery {
        body,
        trace: Bytes::from(trace),
        folders: vec![inbox],
        flags: Flags::default(),
        internal_date: at,
    };
    Ok(Written { delivery, told })
}

#[cfg(test)]
mod tests {
    use smtp::{Notify, ReversePath};

    use super::*;
    use crate::envelope::Recipient;

    fn transaction(recipients: Vec<(Notify, Fate)>) -> Transaction {
        let recipients = recipients.into_iter().map(|(notify, fate)| Recipient {
            address: "a@b".into(),
            notify,
            orcpt: None,
            fate,
        });
        Transaction {
            from: ReversePath::Null,
            smtputf8: false,
            envid: None,
            ret: None,
            recipients: recipients.collect(),
            incoming: None,
        }
    }

    #[test]
    fn only_what_was_asked_for_is_told() {
        let never = Notify { success: false, failure: false, delay: false };
        let all = Notify { success: true, failure: true, delay: true };
        let inbox = |late: Option<&str>| Fate::Inbox { account: 1, folder: 1, late: late.map(str::to_owned) };
        let fails = || Fate::Fails { status: "5.1.1", text: "nobody".into() };
        let kinds = |recipients| -> Vec<Action> {
            due(&transaction(recipients)).into_iter().map(|(action, _)| action).collect()
        };
        assert_eq!(kinds(vec![(Notify::default(), inbox(None))]), []);
        assert_eq!(kinds(vec![(Notify::default(), fails())]), [Action::Failed]);
        assert_eq!(kinds(vec![(Notify::default(), inbox(Some("slow")))]), [Action::Delayed]);
        assert_eq!(kinds(vec![(never, fails()), (never, inbox(Some("slow")))]), []);
        let everything = kinds(vec![(all, fails()), (all, inbox(Some("slow")))]);
        assert_eq!(everything, [Action::Failed, Action::Delayed, Action::Delivered]);
    }
}
