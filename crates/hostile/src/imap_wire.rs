use bytes::Bytes;
use imap::client::{Response, ResponseReader};
use imap::command::{Dialect, Section, SectionText, SortKey, ThreadAlgorithm};
use imap::framing::{CommandReader, Frame};
use imap::mime::{Learner, Octets, Scanner, Stored, locate, write_envelope, write_structure};
use imap::sort::Sortable;

use crate::pieces;

/// Limits of a command, small enough for inputs that reach them.
const LINE: usize = 512;
const LITERALS: usize = 1_024;

/// A client's stream cut into commands, and each command read: cut elsewhere, it gives the same.
pub(crate) fn command(bytes: &[u8]) {
    let (whole, commands) = cut(std::iter::once(bytes));
    assert_eq!(whole, cut(pieces(bytes)).0, "the same stream, cut elsewhere");
    for command in commands {
        assert!(command.len() <= LINE + LITERALS);
        for utf8 in [false, true] {
            let dialect = Dialect { utf8 };
            let _ = imap::command::parse_in(&command, dialect);
            let _ = imap::command::parse_append(&command, dialect);
            let _ = imap::command::parse_after_message(&command, utf8);
        }
    }
}

/// What a reader makes of a stream, as text, and the commands in it. The messages of APPEND are put together again.
fn cut<'a>(stream: impl Iterator<Item = &'a [u8]>) -> (Vec<String>, Vec<Bytes>) {
    let mut reader = CommandReader::new(LINE, LITERALS);
    let (mut seen, mut commands) = (Vec::new(), Vec::new());
    let mut message = Vec::new();
    for piece in stream {
        reader.push(piece);
        loop {
            let frame = reader.poll();
            if !message.is_empty() && !matches!(frame, Ok(None)) {
                seen.push(format!("message {:?}", Bytes::from(std::mem::take(&mut message))));
            }
            match frame {
                Ok(None) => match reader.take_message() {
                    piece if piece.is_empty() => break,
                    piece => message.extend_from_slice(&piece),
                },
                Ok(Some(frame)) => {
                    seen.push(format!("{frame:?}"));
                    match frame {
                        Frame::Command { bytes, .. }
                        | Frame::Append { bytes, .. }
                        | Frame::AppendNext { bytes, .. } => {
                            commands.push(bytes);
                        }
                        _ => {}
                    }
                }
                Err(refused) => {
                    seen.push(format!("{refused:?}"));
                    if refused.fatal {
                        return (seen, commands);
                    }
                }
            }
        }
    }
    seen.push(format!("then {} octets of a message", message.len()));
    (seen, commands)
}

/// A server's stream read as a client does: cut elsewhere, it gives the same.
pub(crate) fn response(bytes: &[u8]) {
    let whole = responses(std::iter::once(bytes));
    assert_eq!(whole, responses(pieces(bytes)), "the same stream, cut elsewhere");
    for response in whole.into_iter().flatten() {
        if let Response::Tagged(tagged) = response
            && let Some(code) = tagged.code
        {
            let _ = code.retry();
        }
    }
}

fn responses<'a>(stream: impl Iterator<Item = &'a [u8]>) -> Vec<Result<Response, String>> {
    let mut reader = ResponseReader::new(2_048, 2_048);
    let mut seen = Vec::new();
    for piece in stream {
        reader.push(piece);
        loop {
            match reader.poll() {
                Ok(None) => break,
                Ok(Some(response)) => seen.push(Ok(response)),
                Err(error) => {
                    seen.push(Err(error.to_string()));
                    return seen;
                }
            }
        }
    }
    seen
}

/// A message's parts, their places, and how a server tells them: our own client must understand it.
pub(crate) fn mime(bytes: &[u8]) {
    let scan = |stream: &mut dyn Iterator<Item = &[u8]>| {
        let mut scanner = Scanner::new();
        stream.for_each(|piece| scanner.push(piece));
        scanner.finish()
    };
    let message = scan(&mut std::iter::once(bytes));
    assert_eq!(message, scan(&mut pieces(bytes)), "the same message, cut elsewhere");
    let learn = |stream: &mut dyn Iterator<Item = &[u8]>| {
        let mut learner = Learner::new();
        stream.for_each(|piece| learner.push(piece));
        learner.finish()
    };
    let learned = learn(&mut std::iter::once(bytes));
    assert_eq!(learned, learn(&mut pieces(bytes)), "the same message, cut elsewhere");
    if let Some(stored) = Stored::read(&learned.structure) {
        let size = bytes.len() as u64;
        let part = stored.part(size).expect("what was kept fits the message");
        assert_eq!((part.header, part.body, part.end), (message.header, message.body, message.end));
        assert!(stored.part(size + 100).is_some(), "trace lines may stand in front");
    }
    // What a damaged store might hold.
    if let Some(stored) = Stored::read(bytes) {
        let _ = (stored.envelope(), stored.structure(), stored.part(bytes.len() as u64));
    }
    let mut line = b"* 1 FETCH (UID 1 ENVELOPE ".to_vec();
    if let Some(envelope) = &message.envelope {
        write_envelope(&mut line, envelope);
    } else {
        line.extend_from_slice(b"NIL");
    }
    for extended in [false, true] {
        line.extend_from_slice(if extended { b" BODYSTRUCTURE " } else { b" BODY " });
        write_structure(&mut line, &message, extended);
    }
    line.extend_from_slice(b")\r\n");
    let mut reader = ResponseReader::new(64 * 1024 * 1024, 64 * 1024 * 1024);
    reader.push(&line);
    match reader.poll() {
        Ok(Some(Response::Untagged(_))) => {}
        other => panic!("our client reads {other:?} in {}", String::from_utf8_lossy(&line)),
    }
    assert_eq!(reader.buffered(), 0, "one response is one response: {}", String::from_utf8_lossy(&line));
    let texts = [
        SectionText::Whole,
        SectionText::Header,
        SectionText::Text,
        SectionText::Mime,
        SectionText::HeaderFields(vec!["SUBJECT".into()]),
    ];
    for part in [vec![], vec![1], vec![2], vec![1, 1], vec![1, 2, 1]] {
        for text in texts.clone() {
            match locate(&message, &Section { part: part.clone(), text }) {
                Octets::Range { start, end } | Octets::Fields { start, end, .. } => {
                    assert!(start <= end && end <= bytes.len() as u64, "{start}..{end} of {}", bytes.len());
                }
                _ => {}
            }
        }
    }
}

/// A folder's name from the wire: what was read, written and read again is the same.
pub(crate) fn mutf7(bytes: &[u8]) {
    let Ok(wire) = std::str::from_utf8(bytes) else { return };
    if let Some(name) = imap::mutf7::decode(wire) {
        let written = imap::mutf7::encode(&name);
        assert!(written.is_ascii());
        assert_eq!(imap::mutf7::decode(&written).as_ref(), Some(&name));
    }
    assert_eq!(imap::mutf7::decode(&imap::mutf7::encode(wire)).as_deref(), Some(wire));
}

/// Messages sorted and threaded by their headers: each is in the answer, once.
pub(crate) fn thread(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let blocks: Vec<&str> = text.split("\n\n").take(200).collect();
    let messages: Vec<Sortable> = blocks
        .iter()
        .zip(1..)
        .map(|(block, id)| Sortable::read(id, i64::from(id), block.len() as u64, block.as_bytes()))
        .collect();
    let numbers: Vec<u32> = (1..).take(messages.len()).collect();
    for algorithm in [ThreadAlgorithm::References, ThreadAlgorithm::OrderedSubject] {
        let answer = imap::thread::thread(messages.clone(), algorithm);
        let mut told: Vec<u32> = answer
            .split(|c: char| !c.is_ascii_digit())
            .filter(|number| !number.is_empty())
            .map(|number| number.parse().expect("numbers in an answer are numbers"))
            .collect();
        told.sort_unstable();
        assert_eq!(told, numbers, "{answer}");
        assert_eq!(answer.matches('(').count(), answer.matches(')').count());
    }
    let mut sorted = messages;
    imap::sort::sort(
        &mut sorted,
        &[(SortKey::Subject, false), (SortKey::Date, true), (SortKey::From, false)],
    );
    let mut told: Vec<u32> = sorted.iter().map(|message| message.id).collect();
    told.sort_unstable();
    assert_eq!(told, numbers);
    for block in blocks {
        let _ = imap::sort::conversation(block.as_bytes());
        let (base, _) = imap::sort::base_subject(block);
        assert_eq!(imap::sort::base_subject(&base).0, base, "a base subject is its own");
    }
}
