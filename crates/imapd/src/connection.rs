mod suffer;

use std::io;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use imap::framing::{CommandReader, Frame, Refused};
use imap::response::Line;
use tls::{Acceptor, Stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};
use wire::{Direction, Fact, TlsFacts};

use crate::Context;
use crate::connection::suffer::Pace;
use crate::deflate::Deflate;
use crate::pen::Pen;

/// Octets read at once.
const READ: usize = 16 * 1024;
/// Responses are sent (and waited for) past this.
const MOST_PENDING: usize = 64 * 1024;
/// Literals of a command before the login: nothing that comes then is long.
const LITERALS_BEFORE_LOGIN: usize = 16 * 1024;
/// How long, and how much, is still read from a client that was told to go, so that it sees the last response.
const LINGER: (Duration, usize) = (Duration::from_millis(200), 256 * 1024);

/// Bytes in, frames out; lines in, bytes out. Knows patience, limits and the shutdown signal, no command.
pub(crate) struct Connection {
    /// `None` once a handshake has failed.
    stream: Option<Stream>,
    reader: CommandReader,
    output: BytesMut,
    /// COMPRESS=DEFLATE, where the client asked for it.
    deflate: Option<Box<Deflate>>,
    /// A literal was announced and is not yet all there: a goodbye would be taken for a part of it.
    pub(crate) mid_literal: bool,
    shutdown: watch::Receiver<bool>,
    patience: Duration,
    /// When the message of an APPEND in progress must be all there.
    message_deadline: Option<Instant>,
    write_patience: Duration,
    sasl_line: usize,
    literals: usize,
    idle: Duration,
    /// How a fault has us send from now on.
    pace: Option<Pace>,
    pub(crate) pen: Pen,
}

/// Why a connection ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Logout,
    Eof,
    Timeout,
    Shutdown,
    /// We end it; the text is told to the client, and goes to the journal after `error: `.
    Refused(String),
    /// The connection is of no use any more; nobody hears a goodbye.
    Broken(String),
    /// A fault script ends it, and how.
    Fault(String),
}

impl End {
    pub(crate) fn reason(&self) -> String {
        match self {
            Self::Logout => "logout".into(),
            Self::Eof => "eof".into(),
            Self::Timeout => "timeout".into(),
            Self::Shutdown => "shutdown".into(),
            Self::Refused(text) | Self::Broken(text) => format!("error: {text}"),
            Self::Fault(how) => format!("fault: {how}"),
        }
    }

    fn goodbye(&self) -> Option<String> {
        match self {
            Self::Logout | Self::Eof | Self::Broken(_) | Self::Fault(_) => None,
            Self::Timeout => Some("BYE Nothing was said for too long".into()),
            Self::Shutdown => Some("BYE This server is closing; connect again".into()),
            Self::Refused(text) => Some(format!("BYE {text}")),
        }
    }
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Eof,
            kind => Self::Broken(kind.to_string()),
        }
    }
}

impl Connection {
    pub(crate) fn new(stream: Stream, pen: Pen, shutdown: watch::Receiver<bool>, context: &Context) -> Self {
        let (limits, timing) = (&context.limits, &context.timing);
        Self {
            stream: Some(stream),
            reader: CommandReader::new(limits.imap_line, LITERALS_BEFORE_LOGIN.min(limits.imap_literals)),
            output: BytesMut::new(),
            deflate: None,
            mid_literal: false,
            shutdown,
            patience: timing.login,
            message_deadline: None,
            write_patience: timing.login,
            sasl_line: limits.sasl_line,
            literals: limits.imap_literals,
            idle: timing.imap_idle,
            pace: None,
            pen,
        }
    }

    /// From now on the client is known: more patience, longer literals.
    pub(crate) fn logged_in(&mut self) {
        self.patience = self.idle;
        self.reader.limit_literals(self.literals);
    }

    /// How large a literal may be that the client sends without waiting.
    pub(crate) fn limit_unwaited(&mut self, limit: Option<u64>) {
        self.reader.limit_unwaited(limit);
    }

    pub(crate) fn is_tls(&self) -> bool {
        self.stream.as_ref().is_some_and(Stream::is_tls)
    }

    /// Octets received and not yet read as a command.
    pub(crate) fn pipelined(&self) -> usize {
        self.reader.buffered()
    }

    /// The next frame, waiting for as many bytes as it needs. Patience is for the whole frame, so that a client cannot
    /// feed it by drops.
    pub(crate) async fn frame(&mut self) -> Result<Result<Frame, Refused>, End> {
        let deadline = Instant::now() + self.patience;
        loop {
            match self.reader.poll() {
                Ok(Some(frame)) => return Ok(Ok(frame)),
                Err(refused) => return Ok(Err(refused)),
                Ok(None) => self.fill_by(deadline).await?,
            }
        }
    }

    /// One line that is no command: a SASL response.
    pub(crate) async fn sasl_line(&mut self) -> Result<Result<Bytes, Refused>, End> {
        let deadline = Instant::now() + self.patience;
        loop {
            match self.reader.poll_line(self.sasl_line) {
                Ok(Some(line)) => return Ok(Ok(line)),
                Err(refused) => return Ok(Err(refused)),
                Ok(None) => self.fill_by(deadline).await?,
            }
        }
    }

    /// One line that is already there, or `None`.
    pub(crate) fn line_at_hand(&mut self) -> Result<Option<Bytes>, Refused> {
        self.reader.poll_line(self.sasl_line)
    }

    /// The next octets of an APPEND's message; empty when it is complete. Patience is for the whole message.
    pub(crate) async fn message(&mut self) -> Result<Bytes, End> {
        let deadline = *self.message_deadline.get_or_insert_with(|| Instant::now() + self.patience);
        loop {
            let piece = self.reader.take_message();
            if self.reader.message_left() == 0 {
                self.message_deadline = None;
                return Ok(piece);
            }
            if !piece.is_empty() {
                return Ok(piece);
            }
            self.fill_by(deadline).await?;
        }
    }

    pub(crate) fn refuse_message(&mut self) {
        self.reader.refuse_message();
    }

    /// Waits for more bytes. Nothing is lost where the future is dropped.
    pub(crate) async fn fill(&mut self) -> Result<(), End> {
        self.fill_by(Instant::now() + self.patience).await
    }

    async fn fill_by(&mut self, deadline: Instant) -> Result<(), End> {
        let Some(stream) = &mut self.stream else { return Err(End::Broken("the handshake failed".into())) };
        if let Some(deflate) = &mut self.deflate
            && deflate.unpack(self.reader.space())? > 0
        {
            return Ok(());
        }
        let space = match &mut self.deflate {
            Some(deflate) => &mut deflate.received,
            None => self.reader.space(),
        };
        space.reserve(READ);
        tokio::select! {
            biased;
            () = down(&mut self.shutdown) => return Err(End::Shutdown),
            read = timeout_at(deadline, stream.read_buf(space)) => match read {
                Err(_) => return Err(End::Timeout),
                Ok(Ok(0)) => return Err(End::Eof),
                Ok(Ok(_)) => {}
                Ok(Err(error)) => return Err(error.into()),
            },
        }
        if let Some(deflate) = &mut self.deflate {
            deflate.unpack(self.reader.space())?;
        }
        Ok(())
    }

    /// From now on both directions are compressed (RFC 4978).
    pub(crate) fn compress(&mut self) {
        self.deflate.get_or_insert_with(Deflate::new);
    }

    pub(crate) fn is_compressed(&self) -> bool {
        self.deflate.is_some()
    }

    /// A complete response: kept in the journal, sent with the next flush.
    pub(crate) fn say(&mut self, line: Line) {
        let bytes = line.into_bytes();
        self.pen.response(&bytes);
        self.output.extend_from_slice(&bytes);
        self.output.extend_from_slice(b"\r\n");
    }

    /// A continuation of a SASL exchange.
    pub(crate) fn say_sasl(&mut self, text: &str) {
        self.pen.sasl(Direction::Server, text);
        self.output.extend_from_slice(text.as_bytes());
        self.output.extend_from_slice(b"\r\n");
    }

    /// Octets of a response whose journal line is written apart.
    pub(crate) async fn octets(&mut self, bytes: &[u8]) -> Result<(), End> {
        self.output.extend_from_slice(bytes);
        self.relieve().await
    }

    /// Sends where much is pending.
    pub(crate) async fn relieve(&mut self) -> Result<(), End> {
        if self.output.len() >= MOST_PENDING { self.send().await } else { Ok(()) }
    }

    /// Sends what is pending, and hands the journal what was said.
    pub(crate) async fn flush(&mut self) -> Result<(), End> {
        self.pen.flush();
        self.send().await
    }

    async fn send(&mut self) -> Result<(), End> {
        if let Some(pace) = self.pace {
            return self.send_slowly(pace).await;
        }
        let Some(stream) = &mut self.stream else { return Err(End::Broken("the handshake failed".into())) };
        let pending = match &mut self.deflate {
            Some(deflate) => {
                deflate.pack(&mut self.output);
                &mut deflate.ready
            }
            None => &mut self.output,
        };
        let writing = async {
            // Advances as it writes, so that a write cut short by the signal is not begun again.
            stream.write_all_buf(pending).await?;
            stream.flush().await
        };
        tokio::select! {
            biased;
            written = timeout(self.write_patience, writing) => match written {
                Err(_) => return Err(End::Broken("the client does not read".into())),
                Ok(result) => result?,
            },
            () = down(&mut self.shutdown) => {
                // A client that reads has what was pending; one that does not must not hold us.
                return Err(End::Shutdown);
            }
        }
        if self.output.capacity() > 4 * MOST_PENDING {
            self.output = BytesMut::new();
        }
        Ok(())
    }

    /// Brings TLS up. What was received in clear is forgotten.
    pub(crate) async fn handshake(&mut self, acceptor: &Acceptor) -> Result<TlsFacts, End> {
        self.reader.clear();
        let Some(stream) = self.stream.take() else { return Err(End::Broken("the handshake failed".into())) };
        let pen = &mut self.pen;
        let mut record = |fact| pen.record(fact);
        let shaken = tokio::select! {
            biased;
            () = down(&mut self.shutdown) => return Err(End::Shutdown),
            shaken = timeout(self.patience, acceptor.accept(stream, &mut record)) => shaken,
        };
        if shaken.is_err() {
            let reason = "the client did not finish the TLS handshake in time".into();
            self.pen.record(Fact::TlsFailed { reason, certificate: None });
        }
        self.pen.flush();
        match shaken {
            Err(_) => Err(End::Timeout),
            Ok(Ok((stream, facts))) => {
                self.stream = Some(stream);
                Ok(facts)
            }
            Ok(Err(error)) => {
                tracing::debug!(%error, "TLS handshake failed");
                Err(End::Broken("the TLS handshake failed".into()))
            }
        }
    }

    /// Says goodbye where somebody can hear it, and closes.
    pub(crate) async fn close(&mut self, end: &End) {
        if let Some(text) = end.goodbye()
            && !self.mid_literal
        {
            self.say(Line::untagged(&text));
        }
        if self.pace.is_some() && matches!(end, End::Logout | End::Timeout | End::Refused(_)) {
            let _ = self.send().await;
        }
        self.pen.close(&end.reason());
        let Some(mut stream) = self.stream.take() else { return };
        if matches!(end, End::Broken(_)) {
            return;
        }
        let deadline = Instant::now() + Duration::from_secs(1);
        let pending = match &mut self.deflate {
            Some(deflate) => {
                deflate.pack(&mut self.output);
                &mut deflate.ready
            }
            None => &mut self.output,
        };
        let farewell = async {
            stream.write_all_buf(pending).await?;
            stream.flush().await?;
            stream.shutdown().await
        };
        if !matches!(timeout_at(deadline, farewell).await, Ok(Ok(()))) || *end == End::Eof {
            return;
        }
        // Closing with octets unread would reset the connection, and the client might never see our last words.
        let mut scratch = vec![0; READ];
        let mut left = LINGER.1;
        let linger = async {
            while left > 0 {
                match stream.read(&mut scratch).await {
                    Ok(read) if read > 0 => left = left.saturating_sub(read),
                    _ => break,
                }
            }
        };
        let _ = timeout(LINGER.0, linger).await;
    }
}

/// Returns when the listener is told to end.
pub(crate) async fn down(shutdown: &mut watch::Receiver<bool>) {
    let _ = shutdown.wait_for(|down| *down).await;
}
