use std::borrow::Cow;
use std::io;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use smtp::{DataReceiver, LineError, LineReader, Progress, Response};
use tls::{Acceptor, Stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};
use wire::{Fact, TlsFacts};

use crate::pen::Pen;
use crate::suffer::Manner;

/// How much is read at once while commands are expected; enough for the longest SASL line.
const COMMAND_READ: usize = 4 * 1024;
/// How much is read at once within a message.
const DATA_READ: usize = 64 * 1024;
/// How long events are kept back for the commit of the message that they lead to. A client that sends without pause
/// then costs two units of work for the journal instead of one for each line; nobody who watches can tell.
const FLUSH_DELAY: Duration = Duration::from_millis(20);
/// Replies that pile up for a client that does not read are sent (and waited for) past this.
const MOST_PENDING: usize = 16 * 1024;
/// How long, and how much, is still read from a client that was told to go, so that it sees the reply.
const LINGER: (Duration, usize) = (Duration::from_millis(200), 256 * 1024);

/// Bytes in, lines out; replies in, bytes out. Knows patience, limits and the shutdown signal, no SMTP command.
pub(crate) struct Connection {
    /// `None` once a handshake has failed.
    stream: Option<Stream>,
    input: BytesMut,
    lines: LineReader,
    output: Vec<u8>,
    pub(crate) shutdown: watch::Receiver<bool>,
    write_patience: Duration,
    /// How it sends, once a fault has touched it.
    pub(crate) manner: Option<Manner>,
    /// Replies carry no enhanced status code.
    pub(crate) bare: bool,
    pub(crate) pen: Pen,
}

/// Why a connection ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Quit,
    Eof,
    Timeout,
    Shutdown,
    /// The text goes to the journal after `error: `.
    Error(String),
    /// As a fault script says.
    Fault(faults::End),
}

impl End {
    pub(crate) fn reason(&self) -> String {
        match self {
            Self::Quit => "quit".into(),
            Self::Eof => "eof".into(),
            Self::Timeout => "timeout".into(),
            Self::Shutdown => "shutdown".into(),
            Self::Error(text) => format!("error: {text}"),
            Self::Fault(how) => format!("fault: {}", how.name()),
        }
    }

    pub(crate) fn error(text: impl Into<String>) -> Self {
        Self::Error(text.into())
    }
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Eof,
            kind => Self::Error(kind.to_string()),
        }
    }
}

impl Connection {
    pub(crate) fn new(
        stream: Stream,
        pen: Pen,
        shutdown: watch::Receiver<bool>,
        write_patience: Duration,
    ) -> Self {
        Self {
            stream: Some(stream),
            input: BytesMut::new(),
            lines: LineReader::new(),
            output: Vec::new(),
            shutdown,
            write_patience,
            manner: None,
            bare: false,
            pen,
        }
    }

    /// The next line. `patience` is for the whole line, so that a client cannot feed it by drops. `limit` may depend
    /// on how the line begins.
    pub(crate) async fn line(
        &mut self,
        patience: Duration,
        limit: impl Fn(&[u8]) -> usize,
    ) -> Result<Result<Bytes, LineError>, End> {
        let deadline = Instant::now() + patience;
        loop {
            let limit = limit(&self.input);
            match self.lines.next_line(&mut self.input, limit) {
                Ok(Some(line)) => return Ok(Ok(line)),
                Ok(None) => self.fill(deadline, COMMAND_READ).await?,
                Err(error) => return Ok(Err(error)),
            }
        }
    }

    /// The next piece of a message, of so many octets at most, added to `out`. `patience` is for each piece.
    pub(crate) async fn data(
        &mut self,
        receiver: &mut DataReceiver,
        (patience, most_taken): (Duration, usize),
        out: &mut Vec<u8>,
    ) -> Result<Progress, End> {
        if self.input.is_empty() {
            let most = if receiver.read() == 0 { COMMAND_READ * 2 } else { DATA_READ };
            self.fill(Instant::now() + patience, most).await?;
        }
        let progress = receiver.receive(&self.input[..self.input.len().min(most_taken)], out);
        self.input.advance(progress.consumed);
        if progress.finished && self.input.is_empty() && receiver.read() > DATA_READ as u64 {
            self.input = BytesMut::new(); // a big message leaves no big buffer behind
        }
        Ok(progress)
    }

    /// The next piece of a chunk of which `left` octets are still to come, added to `out` as the receiver has it. A chunk
    /// that nobody wants has no receiver. Returns how much of the chunk it was.
    pub(crate) async fn chunk(
        &mut self,
        receiver: Option<&mut DataReceiver>,
        left: u64,
        patience: Duration,
        out: &mut Vec<u8>,
    ) -> Result<u64, End> {
        if self.input.is_empty() {
            let most = usize::try_from(left).unwrap_or(DATA_READ).clamp(COMMAND_READ, DATA_READ);
            self.fill(Instant::now() + patience, most).await?;
        }
        let take = usize::try_from(left).unwrap_or(usize::MAX).min(self.input.len());
        if let Some(receiver) = receiver {
            receiver.receive(&self.input[..take], out);
        }
        self.input.advance(take);
        if take as u64 == left && self.input.is_empty() && take > COMMAND_READ * 2 {
            self.input = BytesMut::new();
        }
        Ok(take as u64)
    }

    /// Octets that came after the last line read.
    pub(crate) fn pending(&self) -> usize {
        self.input.len()
    }

    /// States a reply in the journal and puts it in the output, sent before the next read.
    pub(crate) async fn reply(&mut self, response: &Response) -> Result<(), End> {
        let response = self.worded(response);
        self.pen.server(&response);
        self.queue(&response).await
    }

    /// The reply in the words of this connection.
    pub(crate) fn worded<'a>(&self, response: &'a Response) -> Cow<'a, Response> {
        if self.bare { Cow::Owned(response.clone().unenhanced()) } else { Cow::Borrowed(response) }
    }

    /// The same for a reply that the journal has already, worded.
    pub(crate) async fn queue(&mut self, response: &Response) -> Result<(), End> {
        response.write(&mut self.output);
        if self.output.len() > MOST_PENDING { self.send().await } else { Ok(()) }
    }

    /// Octets of a fault script, as they are.
    pub(crate) async fn queue_octets(&mut self, octets: &[u8]) -> Result<(), End> {
        self.output.extend_from_slice(octets);
        if self.output.len() > MOST_PENDING { self.send().await } else { Ok(()) }
    }

    /// Throws away what was read and not yet looked at.
    pub(crate) fn forget_input(&mut self) {
        self.input.clear();
    }

    /// Reads what comes, without looking at it: how many octets, 0 at the end; `None` where nothing came in time.
    pub(crate) async fn hear(&mut self, until: Instant) -> Result<Option<usize>, End> {
        let Self { stream, input, shutdown, .. } = self;
        let stream = stream.as_mut().ok_or_else(|| End::error("no stream"))?;
        input.reserve(COMMAND_READ);
        tokio::select! {
            biased;
            () = down(shutdown) => Err(End::Shutdown),
            read = timeout_at(until, stream.read_buf(input)) => Ok(read.ok().transpose()?),
        }
    }

    /// Sends what is in the output.
    pub(crate) async fn send(&mut self) -> Result<(), End> {
        if self.output.is_empty() {
            return Ok(());
        }
        if self.manner.is_some() {
            return Box::pin(self.send_by_pieces()).await;
        }
        let (output, stream) = (std::mem::take(&mut self.output), self.stream.as_mut());
        let stream = stream.ok_or_else(|| End::error("no stream"))?;
        let sent = timeout(self.write_patience, async {
            stream.write_all(&output).await?;
            stream.flush().await
        });
        let sent = sent.await.map_err(|_| End::Timeout)?;
        self.output = output;
        self.output.clear();
        Ok(sent?)
    }

    /// The same in the manner of a fault.
    async fn send_by_pieces(&mut self) -> Result<(), End> {
        let output = std::mem::take(&mut self.output);
        let (piece, pause) = self.manner.unwrap_or_default().step();
        let Self { stream, shutdown, write_patience, pen, .. } = self;
        let stream = stream.as_mut().ok_or_else(|| End::error("no stream"))?;
        pen.flush();
        for octets in output.chunks(piece) {
            let sent = timeout(*write_patience, async {
                stream.write_all(octets).await?;
                stream.flush().await
            });
            sent.await.map_err(|_| End::Timeout)??;
            tokio::select! {
                biased;
                () = down(shutdown) => return Err(End::Shutdown),
                () = tokio::time::sleep(pause) => {}
            }
        }
        Ok(())
    }

    /// Shakes hands. Nothing that was read in clear is left, or the caller would not be here.
    pub(crate) async fn start_tls(
        &mut self,
        acceptor: &Acceptor,
        patience: Duration,
    ) -> Result<TlsFacts, End> {
        self.send().await?;
        self.pen.flush();
        let stream = self.stream.take().ok_or_else(|| End::error("no stream"))?;
        let pen = &mut self.pen;
        let mut record = |fact| pen.record(fact);
        let outcome = tokio::select! {
            biased;
            () = down(&mut self.shutdown) => return Err(End::Shutdown),
            outcome = timeout(patience, acceptor.accept(stream, &mut record)) => outcome,
        };
        match outcome {
            Ok(Ok((stream, facts))) => {
                self.stream = Some(stream);
                (self.input, self.lines) = (BytesMut::new(), LineReader::new());
                Ok(facts)
            }
            Ok(Err(error)) => {
                tracing::debug!(%error, "SMTP client failed the TLS handshake");
                Err(End::error("TLS handshake"))
            }
            Err(_) => {
                let reason = format!("no complete handshake within {} s", patience.as_secs());
                self.pen.record(Fact::TlsFailed { reason, certificate: None });
                Err(End::Timeout)
            }
        }
    }

    /// Tells a client that there is no room for it, and why.
    pub(crate) async fn turn_away(mut self, hostname: &str, why: String) {
        let text = format!("{hostname} Too many connections, try again later ({why})");
        let end = match self.reply(&Response::new(421, "4.3.2", text)).await {
            Ok(()) => End::Error(why),
            Err(end) => end,
        };
        self.finish(end, hostname).await;
    }

    /// Says the last word to the client, where one is due, and to the journal.
    pub(crate) async fn finish(mut self, end: End, hostname: &str) {
        let goodbye = match end {
            End::Timeout => {
                Some(Response::new(421, "4.4.2", format!("{hostname} Idle for too long, closing")))
            }
            End::Shutdown => Some(Response::new(421, "4.3.2", format!("{hostname} Service shutting down"))),
            _ => None,
        };
        if let Some(goodbye) = goodbye.filter(|_| self.stream.is_some()) {
            let goodbye = self.worded(&goodbye).into_owned();
            self.pen.server(&goodbye);
            goodbye.write(&mut self.output);
        }
        self.pen.close(&end.reason());
        if end == End::Eof {
            return;
        }
        if end == End::Fault(faults::End::Reset)
            && let Some(stream) = &self.stream
        {
            if let Err(error) = stream.tcp().set_zero_linger() {
                tracing::warn!(%error, "a connection could not be reset");
            }
            return;
        }
        self.manner = None;
        self.write_patience = self.write_patience.min(Duration::from_secs(1));
        if self.send().await.is_ok()
            && let Some(stream) = self.stream.as_mut()
        {
            let _ = timeout(Duration::from_secs(1), stream.shutdown()).await;
            let _ = timeout(LINGER.0, linger(stream)).await;
        }
    }

    async fn fill(&mut self, deadline: Instant, most: usize) -> Result<(), End> {
        self.send().await?;
        self.pen.ready().await; // a client is read no faster than the journal writes
        self.input.reserve(most);
        let Self { stream, input, pen, shutdown, .. } = self;
        let stream = stream.as_mut().ok_or_else(|| End::error("no stream"))?;
        let mut told = false;
        loop {
            let turn = if told { deadline } else { deadline.min(Instant::now() + FLUSH_DELAY) };
            let read = tokio::select! {
                biased;
                () = down(shutdown) => return Err(End::Shutdown),
                read = timeout_at(turn, stream.read_buf(input)) => read,
            };
            match read {
                Ok(Ok(0)) => return Err(End::Eof),
                Ok(Ok(_)) => return Ok(()),
                Ok(Err(error)) => return Err(error.into()),
                Err(_) if Instant::now() >= deadline => return Err(End::Timeout),
                Err(_) => {
                    pen.flush();
                    told = true;
                }
            }
        }
    }
}

/// Returns when the signal says so, or when nobody is left to give it.
pub(crate) async fn down(shutdown: &mut watch::Receiver<bool>) {
    let _ = shutdown.wait_for(|down| *down).await;
}

/// Reads on until the client has gone too: closing with unread input would reset the connection, and the client
/// would never see why.
async fn linger(stream: &mut Stream) {
    let mut scratch = [0; 2_048];
    let mut read = 0;
    while let Ok(count @ 1..) = stream.read(&mut scratch).await {
        read += count;
        if read > LINGER.1 {
            return;
        }
    }
}
