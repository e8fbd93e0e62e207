//! Answering: the mail is looked up in the inbox, so that the answer's thread and recipient come from it and not from
//! what somebody says of it.

use std::time::Duration;

use kernel::{Failure, Stage};
use mss::{MessageId, Parent};

use super::request::Request;
use super::steps::{Client, missing};
use super::{Outcome, Response};
use crate::ImapSession;

/// How often a mail that is on its way is looked for, and how long in between.
const LOOKS: usize = 4;
const BETWEEN: Duration = Duration::from_millis(250);

impl Client {
    /// Finds the mail, sends the answer, marks the mail as answered (RFC 9051 §2.3.2).
    pub(super) async fn reply(&self, request: &Request) -> Result<Response, Failure> {
        let message = request.message.as_ref().ok_or_else(|| missing("message"))?;
        let wanted =
            message.facts.in_reply_to.as_deref().ok_or_else(|| missing("message.facts.in_reply_to"))?;
        let wanted = MessageId::parse(wanted).map_err(|error| {
            Failure::permanent(Stage::Input, format!("message.facts.in_reply_to: {error}"))
        })?;
        let Some(mut session) = self.imap().await? else { return Err(missing("imap")) };
        let Some((uid, parent)) = find(&mut session, &wanted).await? else {
            session.logout().await;
            let problem = "no mail in the inbox has the Message-ID of message.facts.in_reply_to";
            return Ok(Response::new(Outcome::Error, problem));
        };
        let outgoing = self.outgoing(request, Some(&parent)).await?;
        let response = self.submit(&outgoing).await?;
        if response.outcome == Outcome::Done
            && let Err(failure) = session.uid_store(&uid.to_string(), "+FLAGS.SILENT (\\Answered)").await
        {
            tracing::info!(%failure, "the mail is answered but could not be marked so");
        }
        session.logout().await;
        Ok(response)
    }
}

/// HEADER looks for a part of the value (RFC 9051 §6.4.4): what it finds is looked at again.
async fn find(session: &mut ImapSession, wanted: &MessageId) -> Result<Option<(u32, Parent)>, Failure> {
    let escaped = wanted.as_str().replace('\\', "\\\\").replace('"', "\\\"");
    let criteria = format!("HEADER Message-ID \"{escaped}\"");
    for look in 0..LOOKS {
        if look > 0 {
            tokio::time::sleep(BETWEEN).await;
        }
        session.select("INBOX").await?;
        let mut uids = session.uid_search(&criteria).await?;
        uids.sort_unstable();
        for uid in uids.into_iter().rev() {
            let found = session.uid_fetch(&uid.to_string(), "(UID BODY.PEEK[HEADER])").await?;
            let header = found
                .iter()
                .find(|message| message.uid == Some(uid))
                .and_then(|message| message.body("HEADER"));
            let Some(header) = header else { continue };
            let parent = Parent::read(header);
            if parent.message_id.as_ref() == Some(wanted) {
                return Ok(Some((uid, parent)));
            }
        }
    }
    Ok(None)
}
