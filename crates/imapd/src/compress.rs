use imap::response::Line;

use crate::connection::End;
use crate::session::{Answer, Handled, Session};

impl Session {
    /// COMPRESS (RFC 4978): told in clear, in force from the next octet on.
    pub(crate) async fn compress(&mut self, tag: &str, algorithm: &str) -> Handled {
        if algorithm != "DEFLATE" {
            return Ok(Answer::bad("DEFLATE is the algorithm that is known here"));
        }
        if self.connection.is_compressed() {
            return Ok(Answer::no("COMPRESSIONACTIVE", "Both directions are compressed already"));
        }
        if self.connection.pipelined() > 0 {
            // What came behind the command was sent before the answer: in clear or packed, nobody knows.
            self.connection.pen.violation("something was sent behind COMPRESS, before its answer");
            return Err(End::Refused("Wait for the answer to COMPRESS".into()));
        }
        self.updates(true).await?;
        self.connection.say(Line::tagged(tag, "OK", "", "Compressed from here on"));
        self.connection.flush().await?;
        self.connection.compress();
        Ok(Answer::none())
    }
}
