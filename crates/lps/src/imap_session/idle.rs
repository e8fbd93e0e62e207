//! Waiting for news (RFC 2177).

use std::future::Future;
use std::time::Duration;

use imap::client::{Command, Notice, NoticeKind, Response, Untagged};
use kernel::{Failure, Stage};
use tokio::time::{Instant, sleep_until};

use super::{ImapSession, quoted, refused};

/// Longest IDLE: a server may take 29 minutes of silence for an absence (RFC 2177).
const LONGEST: Duration = Duration::from_secs(28 * 60);

/// Why an IDLE ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Idled {
    /// The selected folder changed: messages came, went or have other flags.
    News,
    /// `wake` was ready.
    Woken,
    /// Nothing happened for as long as was asked.
    Quiet,
}

impl ImapSession {
    /// Waits in the selected folder for news, for `wake`, or for `limit` (28 minutes at most); then ends IDLE, so that the
    /// session can be asked again.
    ///
    /// # Errors
    /// The connection broke, or the server said goodbye, with its words: reopen (SC.MSS/CONF.11).
    pub async fn idle(
        &mut self,
        limit: Duration,
        wake: impl Future<Output = ()> + Send,
    ) -> Result<Idled, Failure> {
        if self.take_stirred() {
            return Ok(Idled::News);
        }
        let tag = self.tags.next_tag();
        if let Some(refusal) = self.send(&tag, &Command::new(&tag, "IDLE").finish()).await? {
            return Err(refused(&refusal));
        }
        if let Some(refusal) = self.wait_for_go(&tag).await? {
            return Err(refused(&refusal));
        }
        let end = Instant::now() + limit.min(LONGEST);
        tokio::pin!(wake);
        let why = loop {
            if self.pending.drain(..).any(|item| is_stir(&item)) || self.take_stirred() {
                break Idled::News;
            }
            let response = tokio::select! {
                response = self.next_within(Stage::Command, LONGEST * 2) => response?,
                () = &mut wake => break Idled::Woken,
                () = sleep_until(end) => break Idled::Quiet,
            };
            match response {
                Response::Untagged(Untagged::Notice(Notice { kind: NoticeKind::Bye, text, .. })) => {
                    return Err(Failure::temporary(
                        Stage::Command,
                        format!("the server ended the session, saying: {}", quoted(&text)),
                    ));
                }
                Response::Untagged(item) if is_stir(&item) => break Idled::News,
                Response::Tagged(end) if end.tag == tag => return Err(refused(&end)),
                _ => {} // signs of life
            }
        };
        self.transport.write(Stage::Command, b"DONE\r\n").await?;
        self.finish(&tag).await?;
        if self.take_stirred() { Ok(Idled::News) } else { Ok(why) }
    }
}

fn is_stir(item: &Untagged) -> bool {
    matches!(
        item,
        Untagged::Exists(_) | Untagged::Expunge(_) | Untagged::Fetch(_) | Untagged::Vanished { .. }
    )
}
