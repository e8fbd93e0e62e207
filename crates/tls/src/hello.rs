//! Reading a ClientHello out of raw bytes, before and without any handshake.
//!
//! A TLS library answers "what was agreed"; a bench is asked "what did the client offer", also when the offer is TLS
//! 1.0 or a forbidden suite. The reader follows RFC 8446 §4.1.2 and §5.1 (and RFC 5246 §7.4.1.2, whose layout is the
//! same); it is strict about lengths and lenient about everything that it does not report.

use wire::ClientHelloFacts;

use crate::Error;

/// Most bytes that a ClientHello may take, records' headers included.
const LIMIT: usize = 64 * 1024;
/// Most entries of one list: above all that IANA has registered. What is read here is kept in a journal, and anybody
/// may send it.
const MOST_ENTRIES: usize = 512;
/// Most ALPN protocols.
const MOST_PROTOCOLS: usize = 32;
/// Longest server name (RFC 1035 §2.3.4).
const LONGEST_SNI: usize = 255;
/// Longest fragment of a plaintext record (RFC 8446 §5.1).
const FRAGMENT: usize = 1 << 14;

const HANDSHAKE: u8 = 22;
const ALERT: u8 = 21;
const CLIENT_HELLO: u8 = 1;

/// Parses a ClientHello out of raw TLS records, without any handshake. It may span records; bytes after it are
/// ignored.
///
/// # Errors
/// [`Error::Hello`] where the bytes are no TLS, are malformed, longer than 64 KiB, or end before the ClientHello does.
pub fn parse_client_hello(records: &[u8]) -> Result<ClientHelloFacts, Error> {
    match Assembler::default().push(records) {
        Ok(Some(hello)) => Ok(hello),
        Ok(None) => Err(Error::Hello(String::from("the bytes end before the ClientHello does"))),
        Err(unreadable) => Err(Error::Hello(unreadable.reason().to_owned())),
    }
}

/// Why bytes are no ClientHello.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// Not TLS at all: no alert would be understood.
    Foreign(&'static str),
    /// TLS, but broken: deserves a `decode_error` alert.
    Malformed(&'static str),
}

impl Unreadable {
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Foreign(reason) | Self::Malformed(reason) => reason,
        }
    }
}

/// Collects bytes until a ClientHello is whole. Work and memory are linear in the bytes pushed, however they are cut.
#[derive(Default)]
pub(crate) struct Assembler {
    raw: Vec<u8>,
    /// Where the next record starts in `raw`.
    next: usize,
    /// The handshake layer: records' contents end to end.
    message: Vec<u8>,
}

impl Assembler {
    /// Takes more bytes; gives the ClientHello as soon as it is whole.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<Option<ClientHelloFacts>, Unreadable> {
        self.raw.extend_from_slice(bytes);
        self.recognise()?;
        while let Some(header) = self.raw.get(self.next..self.next + 5) {
            let length = usize::from(u16::from_be_bytes([header[3], header[4]]));
            if header[0] != HANDSHAKE {
                return Err(Unreadable::Malformed("another record came in the middle of the ClientHello"));
            }
            if header[1] != 3 || length == 0 || length > FRAGMENT {
                return Err(Unreadable::Malformed("a TLS record has an impossible version or length"));
            }
            let Some(fragment) = self.raw.get(self.next + 5..self.next + 5 + length) else { break };
            self.message.extend_from_slice(fragment);
            self.next += 5 + length;
            if let Some(hello) = self.complete()? {
                return Ok(Some(hello));
            }
        }
        if self.raw.len() > LIMIT {
            return Err(Unreadable::Malformed("the ClientHello is longer than 64 KiB"));
        }
        Ok(None)
    }

    /// Whether not a single byte has come.
    pub(crate) fn is_empty(&self) -> bool {
        self.raw.is_empty()
    }

    /// All bytes as they came.
    pub(crate) fn into_raw(self) -> Vec<u8> {
        self.raw
    }

    /// The client's random of the ClientHello, which must be whole.
    pub(crate) fn client_random(&self) -> [u8; 32] {
        let random = self.message.get(4 + 2..4 + 2 + 32);
        random.and_then(|random| random.try_into().ok()).unwrap_or_default()
    }

    /// Whether the ClientHello, which must be whole, has an extension.
    pub(crate) fn offers(&self, extension: u16) -> bool {
        let find = || {
            let mut body = Reader(self.message.get(4..)?);
            body.take(2 + 32)?; // version, random
            body.vec8()?; // legacy_session_id
            body.vec16()?; // cipher_suites
            body.vec8()?; // legacy_compression_methods
            let mut extensions = body.vec16()?;
            loop {
                let kind = extensions.u16()?;
                extensions.vec16()?;
                if kind == extension {
                    return Some(());
                }
            }
        };
        find().is_some()
    }

    fn recognise(&self) -> Result<(), Unreadable> {
        match *self.raw.as_slice() {
            [] | [HANDSHAKE] | [HANDSHAKE, 3, ..] => Ok(()),
            [0x80..=0xff] | [0x80..=0xff, _] => Ok(()),
            [0x80..=0xff, _, CLIENT_HELLO, ..] => {
                Err(Unreadable::Foreign("the client sent an SSL 2.0 hello, which is forbidden (RFC 6176)"))
            }
            [ALERT, ..] => Err(Unreadable::Foreign("the client sent a TLS alert instead of a ClientHello")),
            [first, ..] if first.is_ascii_graphic() || first.is_ascii_whitespace() => {
                Err(Unreadable::Foreign("the client sent clear text where a TLS handshake was expected"))
            }
            _ => Err(Unreadable::Foreign(
                "the client sent bytes that are not TLS where a handshake was expected",
            )),
        }
    }

    fn complete(&self) -> Result<Option<ClientHelloFacts>, Unreadable> {
        let Some((header, body)) = self.message.split_at_checked(4) else { return Ok(None) };
        if header[0] != CLIENT_HELLO {
            return Err(Unreadable::Malformed("the first handshake message is not a ClientHello"));
        }
        let length = usize::from(header[1]) << 16 | usize::from(header[2]) << 8 | usize::from(header[3]);
        if length > LIMIT {
            return Err(Unreadable::Malformed("the ClientHello is longer than 64 KiB"));
        }
        let Some(body) = body.get(..length) else { return Ok(None) };
        let record_version = u16::from_be_bytes([self.raw[1], self.raw[2]]);
        match read_body(Reader(body), record_version) {
            Some(hello) => Ok(Some(hello)),
            None => Err(Unreadable::Malformed(
                "the ClientHello is malformed: a length does not fit, or a list is endless",
            )),
        }
    }
}

/// `ClientHello` of RFC 8446 §4.1.2. `None` where a length does not fit or a list has too many entries.
fn read_body(mut body: Reader<'_>, record_version: u16) -> Option<ClientHelloFacts> {
    let mut hello = ClientHelloFacts { record_version, legacy_version: body.u16()?, ..Default::default() };
    body.take(32)?; // random
    body.vec8()?; // legacy_session_id
    hello.suites = body.vec16()?.code_points()?;
    body.vec8()?; // legacy_compression_methods
    if !body.0.is_empty() {
        let mut extensions = body.vec16()?;
        while !extensions.0.is_empty() {
            let kind = extensions.u16()?;
            read_extension(&mut hello, kind, extensions.vec16()?)?;
        }
    }
    if hello.versions.is_empty() {
        hello.versions = vec![hello.legacy_version];
    }
    Some(hello)
}

fn read_extension(hello: &mut ClientHelloFacts, kind: u16, mut data: Reader<'_>) -> Option<()> {
    match kind {
        // server_name, RFC 6066 §3: a list of (type, name), of which only host_name (0) exists.
        0 if !data.0.is_empty() => {
            let mut names = data.vec16()?;
            while !names.0.is_empty() {
                let name_type = names.u8()?;
                let name = names.vec16()?;
                if name.0.len() > LONGEST_SNI {
                    return None;
                }
                if name_type == 0 && hello.sni.is_none() {
                    hello.sni = Some(readable(name.0));
                }
            }
        }
        // supported_groups, RFC 8446 §4.2.7
        10 => hello.groups = data.vec16()?.code_points()?,
        // signature_algorithms, §4.2.3
        13 => hello.signature_schemes = data.vec16()?.code_points()?,
        // application_layer_protocol_negotiation, RFC 7301 §3.1
        16 => {
            let mut protocols = data.vec16()?;
            while !protocols.0.is_empty() {
                let name = protocols.vec8()?.0;
                if hello.alpn.len() == MOST_PROTOCOLS {
                    return None;
                }
                if !matches!(*name, [a, b] if is_grease(u16::from_be_bytes([a, b]))) {
                    hello.alpn.push(readable(name));
                }
            }
        }
        // supported_versions, RFC 8446 §4.2.1
        43 => hello.versions = data.vec8()?.code_points()?,
        _ => {}
    }
    Some(())
}

/// Values reserved to keep servers tolerant (RFC 8701): 0x0a0a, 0x1a1a, … 0xfafa.
fn is_grease(value: u16) -> bool {
    value & 0x0f0f == 0x0a0a && value >> 8 == value & 0xff
}

/// Names are ASCII; anything else is shown escaped, so that nothing of a client's can forge a line of a transcript.
fn readable(name: &[u8]) -> String {
    name.escape_ascii().to_string()
}

/// A place in bytes. Each method gives `None`, and nothing else, where too few bytes are left.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn u8(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    fn u16(&mut self) -> Option<u16> {
        self.take(2).map(|bytes| u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    fn vec8(&mut self) -> Option<Reader<'a>> {
        let length = usize::from(self.u8()?);
        self.take(length).map(Reader)
    }

    fn vec16(&mut self) -> Option<Reader<'a>> {
        let length = usize::from(self.u16()?);
        self.take(length).map(Reader)
    }

    /// The rest as 16-bit code points, GREASE left out.
    fn code_points(self) -> Option<Vec<u16>> {
        let pairs = self.0.chunks_exact(2);
        if !pairs.remainder().is_empty() || pairs.len() > MOST_ENTRIES {
            return None;
        }
        Some(
            pairs
                .map(|pair| u16::from_be_bytes([pair[0], pair[1]]))
                .filter(|point| !is_grease(*point))
                .collect(),
        )
    }
}

#[cfg(test)]
mod tests;
