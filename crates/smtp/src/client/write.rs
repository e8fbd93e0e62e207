use kernel::Secret;
use sasl::Mechanism;

use super::Capabilities;
use crate::{Mailbox, ReversePath};

/// The STARTTLS command (RFC 3207). Nothing may be sent after it before the handshake.
pub const STARTTLS: &str = "STARTTLS\r\n";
/// The DATA command; wait for 354 before the message.
pub const DATA: &str = "DATA\r\n";
/// The RSET command.
pub const RSET: &str = "RSET\r\n";
/// The QUIT command.
pub const QUIT: &str = "QUIT\r\n";

/// `EHLO name`. A name that tells nothing of the practice's network is the address literal `[127.0.0.1]`.
///
/// # Errors
/// [`InvalidName`] where the name holds anything but letters, digits and `.-_:[]`.
pub fn ehlo(name: &str) -> Result<String, InvalidName> {
    let legal = |c: char| c.is_ascii_alphanumeric() || ".-_:[]".contains(c);
    if name.is_empty() || name.len() > 255 || !name.chars().all(legal) {
        return Err(InvalidName);
    }
    Ok(format!("EHLO {name}\r\n"))
}

/// A name that EHLO cannot carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the name for EHLO must be a domain or an address literal such as [127.0.0.1]")]
pub struct InvalidName;

/// `AUTH mechanism`, with or without the initial response in base64.
///
/// RFC 4954 §4 keeps the whole line under 512 octets, which a PSC token exceeds: where the initial response does not
/// fit it is left out, and the server will ask for it with `334`. The return value says whether it was put in.
pub fn auth(mechanism: Mechanism, initial: Option<&Secret<String>>) -> (Secret<String>, bool) {
    let bare = format!("AUTH {mechanism}");
    match initial {
        Some(response) if bare.len() + 1 + response.reveal().len() + 2 <= 512 => {
            (Secret::new(format!("{bare} {}\r\n", response.reveal())), true)
        }
        _ => (Secret::new(format!("{bare}\r\n")), false),
    }
}

/// `MAIL FROM:<…>` with the parameters that the server offers: SIZE always tells the message's size, BODY and
/// SMTPUTF8 go with what the message needs.
pub fn mail(from: &ReversePath, size: u64, eight_bit: bool, offered: &Capabilities) -> String {
    let mut line = format!("MAIL FROM:{from}");
    if offered.size.is_some() {
        line.push_str(&format!(" SIZE={size}"));
    }
    if eight_bit && offered.eight_bit_mime {
        line.push_str(" BODY=8BITMIME");
    }
    if offered.smtputf8 && !from.is_ascii() {
        line.push_str(" SMTPUTF8");
    }
    line + "\r\n"
}

/// `RCPT TO:<…>`.
pub fn rcpt(to: &Mailbox) -> String {
    format!("RCPT TO:<{to}>\r\n")
}

/// A whole message as DATA carries it: dots doubled at the start of lines, line ends made CR LF, final dot added.
pub fn dot_stuff(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.len() + message.len() / 64 + 8);
    let mut stuffer = DotStuffer::new();
    stuffer.push(message, &mut out);
    stuffer.finish(&mut out);
    out
}

/// The same by pieces, for messages that one does not want twice in memory.
///
/// A CR or an LF alone becomes CR LF: RFC 5321 §2.3.8 forbids to send them, and a message that ends early is worse
/// than one whose line ends were mended.
#[derive(Debug)]
pub struct DotStuffer {
    line_start: bool,
    after_cr: bool,
}

impl DotStuffer {
    /// At the start of a message.
    pub fn new() -> Self {
        Self { line_start: true, after_cr: false }
    }

    /// Adds a piece of the message, cut anywhere.
    pub fn push(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        for &byte in piece {
            if self.after_cr {
                self.after_cr = false;
                self.line_start = true;
                out.extend_from_slice(b"\r\n");
                if byte == b'\n' {
                    continue;
                }
            }
            match byte {
                b'\r' => self.after_cr = true,
                b'\n' => {
                    out.extend_from_slice(b"\r\n");
                    self.line_start = true;
                }
                _ => {
                    if byte == b'.' && self.line_start {
                        out.push(b'.');
                    }
                    out.push(byte);
                    self.line_start = false;
                }
            }
        }
    }

    /// Ends the last line where the message did not, and adds the final dot.
    pub fn finish(self, out: &mut Vec<u8>) {
        if self.after_cr || !self.line_start {
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b".\r\n");
    }
}

impl Default for DotStuffer {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::DataReceiver;

    #[test]
    fn dots_are_doubled_and_line_ends_mended() {
        assert_eq!(dot_stuff(b""), b".\r\n");
        assert_eq!(dot_stuff(b".a\r\n..\r\nb."), b"..a\r\n...\r\nb.\r\n.\r\n");
        assert_eq!(dot_stuff(b"a\n.b\rc\r"), b"a\r\n..b\r\nc\r\n.\r\n");
    }

    #[test]
    fn a_long_initial_response_waits_for_the_challenge() {
        let long = Secret::new("x".repeat(600));
        assert!(!auth(Mechanism::Xoauth2, Some(&long)).1);
        let (line, put_in) = auth(Mechanism::External, Some(&Secret::new("=".to_owned())));
        assert_eq!((line.reveal().as_str(), put_in), ("AUTH EXTERNAL =\r\n", true));
    }

    #[test]
    fn parameters_follow_what_is_offered() {
        let from: ReversePath = ReversePath::Mailbox(Mailbox::parse("a@b.fr").unwrap());
        assert_eq!(mail(&from, 12, true, &Capabilities::default()), "MAIL FROM:<a@b.fr>\r\n");
        let offered = Capabilities { size: Some(1), eight_bit_mime: true, ..Capabilities::default() };
        assert_eq!(mail(&from, 12, true, &offered), "MAIL FROM:<a@b.fr> SIZE=12 BODY=8BITMIME\r\n");
        assert!(ehlo("x\r\nQUIT").is_err() && ehlo("").is_err());
        assert_eq!(ehlo("[127.0.0.1]").unwrap(), "EHLO [127.0.0.1]\r\n");
    }

    proptest! {
        #[test]
        fn what_a_client_writes_our_server_reads(lines in proptest::collection::vec("[ .a-z]{0,40}", 0..20), cut in 0_usize..100) {
            let message: Vec<u8> = lines.iter().flat_map(|line| [line.as_bytes(), b"\r\n"].concat()).collect();
            let (mut wire, mut stuffer) = (Vec::new(), DotStuffer::new());
            let cut = cut.min(message.len());
            stuffer.push(&message[..cut], &mut wire);
            stuffer.push(&message[cut..], &mut wire);
            stuffer.finish(&mut wire);
            let mut receiver = DataReceiver::new(1_000, 1 << 20);
            let mut out = Vec::new();
            let progress = receiver.receive(&wire, &mut out);
            prop_assert!(progress.finished && progress.consumed == wire.len());
            prop_assert_eq!(out, message);
        }
    }
}
