//! A response of FETCH being put together: text that is there, and octets that are streamed when it is sent.

use imap::mime::Transfer;

/// A piece of a response.
pub(crate) enum Piece {
    Text(Vec<u8>),
    /// Octets of the stored body.
    Body {
        start: u64,
        len: u64,
    },
    /// Octets of the stored body, their encoding undone.
    Decoded(Decoded),
}

/// A part of the stored body to decode, and what of the result is wanted.
pub(crate) struct Decoded {
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) transfer: Transfer,
    pub(crate) skip: u64,
    pub(crate) len: u64,
}

pub(crate) struct Pieces {
    done: Vec<Piece>,
    text: Vec<u8>,
    first: bool,
}

impl Pieces {
    pub(crate) fn new(start: String) -> Self {
        Self { done: Vec::new(), text: start.into_bytes(), first: true }
    }

    /// Octets in hand.
    pub(crate) fn held(&self) -> usize {
        let done = self.done.iter().map(|piece| match piece {
            Piece::Text(text) => text.len(),
            Piece::Body { .. } | Piece::Decoded(_) => 0,
        });
        self.text.len() + done.sum::<usize>()
    }

    pub(crate) fn separate(&mut self) {
        if !std::mem::replace(&mut self.first, false) {
            self.text.push(b' ');
        }
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.text.extend_from_slice(text.as_bytes());
    }

    /// Octets that are IMAP already.
    pub(crate) fn octets(&mut self, octets: &[u8]) {
        self.text.extend_from_slice(octets);
    }

    /// Where octets that are IMAP already are written to.
    pub(crate) fn raw(&mut self) -> &mut Vec<u8> {
        &mut self.text
    }

    pub(crate) fn string(&mut self, octets: &[u8]) {
        imap::response::string(&mut self.text, octets);
    }

    pub(crate) fn literal(&mut self, bytes: &[u8]) {
        self.text(&format!("{{{}}}\r\n", bytes.len()));
        self.text.extend_from_slice(bytes);
    }

    pub(crate) fn body(&mut self, start: u64, len: u64) {
        if len == 0 {
            return self.text("\"\"");
        }
        self.text(&format!("{{{len}}}\r\n"));
        self.stream(Piece::Body { start, len });
    }

    /// `binary` where the octets hold NUL: only a literal8 may (RFC 3516 §4.3).
    pub(crate) fn decoded(&mut self, decoded: Decoded, binary: bool) {
        if decoded.len == 0 {
            return self.text("\"\"");
        }
        let mark = if binary { "~" } else { "" };
        self.text(&format!("{mark}{{{}}}\r\n", decoded.len));
        self.stream(Piece::Decoded(decoded));
    }

    fn stream(&mut self, piece: Piece) {
        self.done.push(Piece::Text(std::mem::take(&mut self.text)));
        self.done.push(piece);
    }

    pub(crate) fn finish(mut self) -> Vec<Piece> {
        self.done.push(Piece::Text(self.text));
        self.done
    }
}
