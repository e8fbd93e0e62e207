use bytes::BytesMut;
use smtp::client::{Capabilities, ReplyReader, dot_stuff};
use smtp::{Command, DataReceiver, LineReader, Mailbox};

use crate::pieces;

/// Longest command line here; small enough for inputs that reach it.
const LINE: usize = 512;

/// A client's stream cut into lines, and each line read as a command: cut elsewhere, it gives the same.
pub(crate) fn command(bytes: &[u8]) {
    let whole = lines(std::iter::once(bytes));
    assert_eq!(whole, lines(pieces(bytes)), "the same stream, cut elsewhere");
    for line in whole.iter().flatten() {
        match Command::parse(line) {
            Ok(command) => assert!(line.to_ascii_uppercase().starts_with(command.verb().as_bytes())),
            Err(error) => assert!(error.response().is_refusal(), "{error:?} is answered by a refusal"),
        }
        if let Ok(mailbox) = std::str::from_utf8(line).unwrap_or_default().parse_mailbox() {
            assert_eq!(Mailbox::parse(&mailbox.to_string()).as_ref(), Ok(&mailbox), "{mailbox}");
        }
    }
}

trait ParseMailbox {
    fn parse_mailbox(&self) -> Result<Mailbox, smtp::AddressError>;
}

impl ParseMailbox for str {
    fn parse_mailbox(&self) -> Result<Mailbox, smtp::AddressError> {
        Mailbox::parse(self)
    }
}

fn lines<'a>(stream: impl Iterator<Item = &'a [u8]>) -> Vec<Result<Vec<u8>, smtp::LineError>> {
    let (mut reader, mut buffer, mut seen) = (LineReader::new(), BytesMut::new(), Vec::new());
    for piece in stream {
        buffer.extend_from_slice(piece);
        loop {
            match reader.next_line(&mut buffer, LINE) {
                Ok(None) => break,
                Ok(Some(line)) => seen.push(Ok(line.to_vec())),
                Err(error) => {
                    seen.push(Err(error));
                    if !matches!(error, smtp::LineError::TooLong { .. }) {
                        return seen;
                    }
                }
            }
        }
    }
    seen
}

/// A message after `354`: cut elsewhere, it gives the same; a good one, written again, is received as the same; and no
/// lone CR or LF is ever let through, which is what smuggling lives on.
pub(crate) fn data(bytes: &[u8]) {
    let whole = received(std::iter::once(bytes));
    let (message, consumed, finished, fault) = received(pieces(bytes));
    assert_eq!((consumed, finished, fault), (whole.1, whole.2, whole.3), "the same stream, cut elsewhere");
    // Of a condemned message only what came before the fault was given out, and how much that is depends on the cut.
    assert!(fault.is_some() || message == whole.0, "the same stream, cut elsewhere");
    let (message, consumed, finished, fault) = whole;
    assert!(consumed <= bytes.len());
    if !finished || fault.is_some() {
        return;
    }
    let text = String::from_utf8_lossy(&message).replace("\r\n", "");
    assert!(!text.contains(['\r', '\n']), "a line end of one octet went through");
    let mut again = dot_stuff(&message);
    if !again.ends_with(b"\r\n.\r\n") && again != b".\r\n" {
        again.extend_from_slice(b".\r\n");
    }
    let (second, consumed, finished, fault) = received(std::iter::once(again.as_slice()));
    assert_eq!((second, consumed, finished, fault), (message, again.len(), true, None), "written again");
}

type Received = (Vec<u8>, usize, bool, Option<smtp::DataFault>);

fn received<'a>(stream: impl Iterator<Item = &'a [u8]>) -> Received {
    let mut receiver = DataReceiver::new(1_000, 4_096);
    let (mut out, mut consumed) = (Vec::new(), 0);
    for piece in stream {
        let progress = receiver.receive(piece, &mut out);
        consumed += progress.consumed;
        if progress.finished {
            return (out, consumed, true, receiver.fault());
        }
    }
    (out, consumed, false, receiver.fault())
}

/// A server's stream read as a client does: cut elsewhere, it gives the same.
pub(crate) fn reply(bytes: &[u8]) {
    let whole = replies(std::iter::once(bytes));
    assert_eq!(whole, replies(pieces(bytes)), "the same stream, cut elsewhere");
    for reply in whole.into_iter().flatten() {
        let _ = (reply.queue_id(), reply.is_closing(), reply.to_string());
        let _ = Capabilities::read(&reply);
    }
}

fn replies<'a>(stream: impl Iterator<Item = &'a [u8]>) -> Vec<Result<smtp::client::Reply, String>> {
    let (mut reader, mut seen) = (ReplyReader::new(), Vec::new());
    for piece in stream {
        reader.feed(piece);
        loop {
            match reader.next_reply() {
                Ok(None) => break,
                Ok(Some(reply)) => seen.push(Ok(reply)),
                Err(error) => {
                    seen.push(Err(error.to_string()));
                    return seen;
                }
            }
        }
    }
    seen
}
