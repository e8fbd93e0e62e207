use bytes::{Buf, Bytes, BytesMut};

/// How much of an over-long line is thrown away before the client is given up.
const MOST_DISCARDED: usize = 1024 * 1024;

/// Cuts command lines out of a buffer. Lines end with CR LF; a CR or an LF alone is an error, never an end
/// (RFC 5321 §2.3.8).
///
/// An over-long line is thrown away as it comes, so that memory is bounded by the limit and by what the caller reads
/// at once.
#[derive(Debug, Default)]
pub struct LineReader {
    /// Octets of the present over-long line that are already gone; 0 where the line is not too long.
    discarded: usize,
    /// Octets of the buffer that hold no line end.
    scanned: usize,
}

impl LineReader {
    /// A reader at the start of a line.
    pub fn new() -> Self {
        Self::default()
    }

    /// The next line without its CR LF, taken out of `buffer`; `None` where more bytes are needed. `limit` counts
    /// the CR LF.
    ///
    /// # Errors
    /// [`LineError::TooLong`] once the whole line is gone: the next call reads the next line. The other errors leave
    /// the stream in a state that nothing should be read from.
    pub fn next_line(&mut self, buffer: &mut BytesMut, limit: usize) -> Result<Option<Bytes>, LineError> {
        let Some(end) = buffer[self.scanned..].iter().position(|&byte| byte == b'\n') else {
            return self.without_end(buffer, limit);
        };
        let end = self.scanned + end;
        self.scanned = 0;
        let octets = self.discarded + end + 1;
        if std::mem::take(&mut self.discarded) > 0 || octets > limit {
            buffer.advance(end + 1);
            return Err(LineError::TooLong { octets });
        }
        let mut line = buffer.split_to(end + 1);
        line.truncate(end);
        if line.last() != Some(&b'\r') {
            return Err(LineError::BareLf);
        }
        line.truncate(end - 1);
        if line.contains(&b'\r') { Err(LineError::BareCr) } else { Ok(Some(line.freeze())) }
    }

    fn without_end(&mut self, buffer: &mut BytesMut, limit: usize) -> Result<Option<Bytes>, LineError> {
        if self.discarded > 0 || buffer.len() >= limit {
            self.discarded += buffer.len();
            buffer.clear();
            if self.discarded > MOST_DISCARDED {
                return Err(LineError::Flood);
            }
        }
        self.scanned = buffer.len();
        Ok(None)
    }
}

/// Why a line was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LineError {
    /// Over the limit; the line is gone, the next one can be read.
    #[error("the line of {octets} octets is over the limit")]
    TooLong {
        /// Its length, line end included.
        octets: usize,
    },
    /// An LF without its CR.
    #[error("a line ends with LF alone; lines end with CR LF")]
    BareLf,
    /// A CR without its LF.
    #[error("a line holds a CR alone; lines end with CR LF")]
    BareCr,
    /// A line without end.
    #[error("a line of more than 1 MiB")]
    Flood,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(input: &[u8], limit: usize) -> Vec<Result<Bytes, LineError>> {
        let (mut reader, mut buffer, mut out) = (LineReader::new(), BytesMut::new(), Vec::new());
        for byte in input {
            buffer.extend_from_slice(&[*byte]);
            match reader.next_line(&mut buffer, limit) {
                Ok(None) => {}
                Ok(Some(line)) => out.push(Ok(line)),
                Err(error) => out.push(Err(error)),
            }
        }
        out
    }

    #[test]
    fn lines_end_with_cr_lf_only() {
        assert_eq!(lines(b"NOOP\r\nQUIT\r\n", 512), [Ok("NOOP".into()), Ok("QUIT".into())]);
        assert_eq!(lines(b"NOOP\n", 512), [Err(LineError::BareLf)]);
        assert_eq!(lines(b"NO\rOP\r\n", 512), [Err(LineError::BareCr)]);
        assert_eq!(lines(b"NOOP\r\r\n", 512), [Err(LineError::BareCr)]);
        assert_eq!(lines(b"\r\n", 512), [Ok("".into())]);
    }

    #[test]
    fn an_over_long_line_is_skipped_and_the_next_one_read() {
        let long = [b"X".repeat(5_000).as_slice(), b"\r\nNOOP\r\n"].concat();
        assert_eq!(lines(&long, 512), [Err(LineError::TooLong { octets: 5_002 }), Ok("NOOP".into())]);
        let mut buffer = BytesMut::from(&long[..]);
        let mut reader = LineReader::new();
        assert_eq!(reader.next_line(&mut buffer, 512), Err(LineError::TooLong { octets: 5_002 }));
        assert_eq!(reader.next_line(&mut buffer, 512), Ok(Some("NOOP".into())));
    }

    #[test]
    fn the_limit_counts_the_line_end() {
        let fits = [b"X".repeat(510).as_slice(), b"\r\n"].concat();
        assert_eq!(lines(&fits, 512).len(), 1);
        assert!(lines(&fits, 512)[0].is_ok());
        assert!(lines(&fits, 511)[0].is_err());
    }

    #[test]
    fn a_line_without_end_is_a_flood_and_memory_stays_bounded() {
        let (mut reader, mut buffer) = (LineReader::new(), BytesMut::new());
        let result = (0..300).find_map(|_| {
            buffer.extend_from_slice(&[b'a'; 4_096]);
            let result = reader.next_line(&mut buffer, 2_048).err();
            assert!(buffer.len() <= 4_096);
            result
        });
        assert_eq!(result, Some(LineError::Flood));
    }
}
