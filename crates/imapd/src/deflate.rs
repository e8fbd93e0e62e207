//! COMPRESS=DEFLATE (RFC 4978): both directions of a connection as raw deflate streams.
//!
//! Memory is bounded: what comes out of the other side's stream is taken in steps, and the reader's own limits bound
//! what becomes of it. A stream that is nearly all repetition is a bomb, and ends the connection.

use bytes::{Buf as _, BytesMut};
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use crate::connection::End;

/// Octets unpacked in one step.
const STEP: usize = 32 * 1024;
/// Octets unpacked before their proportion is looked at.
const FREE: u64 = 4 * 1024 * 1024;
/// How many times larger than what was sent all that was unpacked may be. Mail is under 20; deflate can reach 1 032.
const MOST: u64 = 200;

/// The state of both directions.
pub(crate) struct Deflate {
    packer: Compress,
    unpacker: Decompress,
    /// Received, not yet unpacked.
    pub(crate) received: BytesMut,
    /// Packed, not yet sent.
    pub(crate) ready: BytesMut,
    scratch: Vec<u8>,
}

impl Deflate {
    pub(crate) fn new() -> Box<Self> {
        Box::new(Self {
            packer: Compress::new(Compression::fast(), false),
            unpacker: Decompress::new(false),
            received: BytesMut::new(),
            ready: BytesMut::new(),
            scratch: Vec::new(),
        })
    }

    /// Unpacks one step of what was received to the end of `into`; returns how much came of it.
    ///
    /// # Errors
    /// [`End::Refused`] where the stream is no deflate stream, has ended, or is a bomb.
    pub(crate) fn unpack(&mut self, into: &mut BytesMut) -> Result<usize, End> {
        self.scratch.clear();
        self.scratch.reserve(STEP);
        let before = self.unpacker.total_in();
        let status = self
            .unpacker
            .decompress_vec(&self.received, &mut self.scratch, FlushDecompress::Sync)
            .map_err(|_| End::Refused("What was received is no deflate stream (RFC 4978)".into()))?;
        let used = usize::try_from(self.unpacker.total_in() - before).unwrap_or(self.received.len());
        self.received.advance(used.min(self.received.len()));
        if status == Status::StreamEnd {
            return Err(End::Refused(
                "The deflate stream has ended; it lasts as long as the connection".into(),
            ));
        }
        let (came, out) = (self.unpacker.total_in(), self.unpacker.total_out());
        if out > FREE && out / MOST > came {
            return Err(End::Refused("A deflate stream of repetitions only is not unpacked".into()));
        }
        into.extend_from_slice(&self.scratch);
        Ok(self.scratch.len())
    }

    /// Packs all of `from` for sending, so that the other side can read it at once.
    pub(crate) fn pack(&mut self, from: &mut BytesMut) {
        if from.is_empty() {
            return;
        }
        loop {
            self.scratch.clear();
            self.scratch.reserve(STEP);
            let before = self.packer.total_in();
            // Packing from memory to memory does not fail.
            let packed = self.packer.compress_vec(from, &mut self.scratch, FlushCompress::Sync);
            let used = usize::try_from(self.packer.total_in() - before).unwrap_or(from.len());
            from.advance(used.min(from.len()));
            self.ready.extend_from_slice(&self.scratch);
            // A sync flush is complete where it leaves room.
            if packed.is_err() || (from.is_empty() && self.scratch.len() < self.scratch.capacity()) {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_directions_fit_together() {
        let (mut one, mut other) = (Deflate::new(), Deflate::new());
        let text: Vec<u8> = (0..300_000u32).flat_map(|n| (n / 3).to_le_bytes()).collect();
        for piece in text.chunks(70_000) {
            one.pack(&mut BytesMut::from(piece));
        }
        assert!(one.ready.len() < text.len());
        let mut back = BytesMut::new();
        for piece in one.ready.chunks(1_000) {
            other.received.extend_from_slice(piece);
            while other.unpack(&mut back).unwrap() > 0 {}
        }
        assert_eq!(&back[..], &text[..]);
    }

    #[test]
    fn bombs_and_rubbish_are_refused() {
        let mut packer = Compress::new(Compression::best(), false);
        let mut packed = Vec::with_capacity(1 << 20);
        packer.compress_vec(&vec![b'a'; 16 << 20], &mut packed, FlushCompress::Sync).unwrap();
        let mut other = Deflate::new();
        other.received.extend_from_slice(&packed);
        let mut out = BytesMut::new();
        let end = loop {
            match other.unpack(&mut out) {
                Ok(0) => panic!("all of it was unpacked"),
                Ok(_) => out.clear(),
                Err(end) => break end,
            }
        };
        assert_eq!(end, End::Refused("A deflate stream of repetitions only is not unpacked".into()));
        let mut rubbish = Deflate::new();
        rubbish.received.extend_from_slice(b"\xff\xff\xff\xffa NOOP\r\n");
        assert!(rubbish.unpack(&mut out).is_err());
    }
}
