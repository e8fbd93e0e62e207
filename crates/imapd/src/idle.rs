use faults::Point;
use imap::response::Line;
use tokio::time::{Instant, timeout_at};

use crate::connection::End;
use crate::session::{Answer, Handled, Session};

impl Session {
    /// IDLE (RFC 2177): tells changes as they come, until DONE.
    pub(crate) async fn idle(&mut self, tag: &str) -> Handled {
        self.connection.say(Line::new().text("+ Idling"));
        if self.wrong(Point::Idle, "IDLE", tag).await? {
            return Ok(Answer::none());
        }
        if let Some(selected) = &mut self.selected {
            selected.ahead.clear();
        }
        // What we tell is no sign of life of the client's: its own silence is counted (RFC 2177 §3).
        let deadline = Instant::now() + self.context.timing.imap_idle;
        loop {
            self.updates(true).await?;
            self.connection.flush().await?;
            match self.connection.line_at_hand() {
                Ok(None) => {}
                Ok(Some(line)) => {
                    self.connection.pen.command(&line, 0);
                    if line.eq_ignore_ascii_case(b"DONE") {
                        return Ok(Answer::ok("Idle ended"));
                    }
                    self.connection.pen.violation("only DONE ends IDLE");
                    return Ok(Answer::bad("DONE was expected"));
                }
                Err(refused) => {
                    let text = refused.what.to_string();
                    self.connection.pen.violation(&text);
                    return Err(End::Refused(text));
                }
            }
            let woken = async {
                match &mut self.selected {
                    Some(selected) => tokio::select! {
                        filled = self.connection.fill() => filled,
                        () = selected.changed() => Ok(()),
                    },
                    None => self.connection.fill().await,
                }
            };
            timeout_at(deadline, woken).await.unwrap_or(Err(End::Timeout))?;
        }
    }
}
