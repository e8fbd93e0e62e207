//! What a fault does to a connection: waiting, slowness, octets of its own, an end.
//!
//! A fault is in the journal before it is done, so that the journal says what the outside sees. What was said before it
//! is sent before it, for the same reason.

use std::time::Duration;

use faults::{Action, Hit, Point};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};
use wire::Fact;

use super::{Connection, End, MOST_PENDING, READ, down};

/// How a fault has a server send.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// Octets written at once.
    size: usize,
    /// Octets a second.
    rate: Option<u32>,
    /// Pauses made without a rate.
    pauses: u32,
}

/// Between two pieces, so that they are not read as one; only so many times on a connection, or a large message split
/// octet by octet would take minutes. Later pieces are in packets of their own all the same.
const BETWEEN: (Duration, u32) = (Duration::from_millis(2), 256);
/// Parts of a second in which a slow server sends something.
const STEPS: u32 = 10;

impl Pace {
    fn pause(&mut self, size: usize) -> Duration {
        let size = u32::try_from(size).unwrap_or(u32::MAX);
        match self.rate {
            Some(rate) => Duration::from_secs(1) * size / rate.max(1),
            None if self.pauses < BETWEEN.1 => {
                self.pauses += 1;
                BETWEEN.0
            }
            None => Duration::ZERO,
        }
    }
}

impl Connection {
    /// Says in the journal what is about to be done wrong.
    pub(crate) fn tell_fault(&mut self, hit: &Hit) {
        self.pen.record(Fact::Fault {
            point: hit.point.name().to_owned(),
            name: hit.name.clone(),
            what: hit.what(),
            nth: hit.nth,
        });
        self.pen.flush();
    }

    /// Does one action, where it is the connection's to do.
    pub(crate) async fn inflict(&mut self, action: &Action, point: Point) -> Result<(), End> {
        match action {
            Action::Delay(time) => self.pause(*time, point).await,
            Action::Throttle(rate) => {
                self.flush().await?;
                let step = usize::try_from((rate / STEPS).max(1)).unwrap_or(1);
                let size = self.pace.map_or(step, |pace| pace.size.min(step));
                self.pace = Some(Pace { size, rate: Some(*rate), pauses: 0 });
                Ok(())
            }
            Action::Split(size) => {
                self.flush().await?;
                let rate = self.pace.and_then(|pace| pace.rate);
                self.pace = Some(Pace { size: (*size).max(1), rate, pauses: 0 });
                Ok(())
            }
            Action::Say(text) => {
                self.say_as_it_is(text);
                Ok(())
            }
            Action::Raw(text) => {
                self.pen.response(text.as_bytes());
                self.output.extend_from_slice(text.as_bytes());
                Ok(())
            }
            Action::End(how) => Err(self.end_by(*how).await),
            Action::Answer(_)
            | Action::Tag(_)
            | Action::Omit(_)
            | Action::Add(_)
            | Action::Challenge(_)
            | Action::Tls(_)
            | Action::UidValidity(_) => Ok(()),
        }
    }

    /// Octets of a script, and a line end.
    pub(crate) fn say_as_it_is(&mut self, text: &str) {
        text.split("\r\n").for_each(|line| self.pen.response(line.as_bytes()));
        self.output.extend_from_slice(text.as_bytes());
        self.output.extend_from_slice(b"\r\n");
    }

    /// Waits. A client that goes, and the shutdown signal, end it.
    async fn pause(&mut self, time: Duration, point: Point) -> Result<(), End> {
        self.flush().await?;
        let deadline = Instant::now() + time;
        // What comes before a handshake is TLS's to read.
        let deaf = matches!(point, Point::Connect | Point::Handshake) && !self.is_tls();
        while !deaf && self.reader.buffered() < MOST_PENDING {
            match self.fill_by(deadline).await {
                Ok(()) => {}
                Err(End::Timeout) => return Ok(()),
                Err(end) => return Err(end),
            }
        }
        let Some(stream) = &self.stream else { return Err(End::Broken("the handshake failed".into())) };
        let gone = async {
            // Where octets are waiting, the end behind them is not seen.
            if let Ok(1..) = stream.tcp().peek(&mut [0]).await {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            biased;
            () = down(&mut self.shutdown) => Err(End::Shutdown),
            () = gone => Err(End::Eof),
            () = sleep_until(deadline) => Ok(()),
        }
    }

    async fn end_by(&mut self, how: faults::End) -> End {
        if let Err(end) = self.flush().await {
            return end;
        }
        match how {
            faults::End::Cut => End::Fault("cut".into()),
            faults::End::Reset => {
                if let Some(stream) = self.stream.take()
                    && let Err(error) = stream.tcp().set_zero_linger()
                {
                    tracing::debug!(%error, "no reset on this connection");
                }
                End::Fault("reset".into())
            }
            faults::End::Silence => End::Fault(format!("silence, then {}", self.be_silent().await)),
        }
    }

    /// Hears and says nothing any more; returns how that ends.
    async fn be_silent(&mut self) -> &'static str {
        let Some(stream) = &mut self.stream else { return "eof" };
        let deadline = Instant::now() + self.idle;
        let mut scratch = vec![0; READ];
        loop {
            tokio::select! {
                biased;
                () = down(&mut self.shutdown) => return "shutdown",
                read = timeout_at(deadline, stream.read(&mut scratch)) => match read {
                    Err(_) => return "timeout",
                    Ok(Ok(0) | Err(_)) => return "eof",
                    Ok(Ok(_)) => {}
                },
            }
        }
    }

    /// Sends what is pending as a fault wants it.
    pub(super) async fn send_slowly(&mut self, mut pace: Pace) -> Result<(), End> {
        let Some(stream) = &mut self.stream else { return Err(End::Broken("the handshake failed".into())) };
        let pending = match &mut self.deflate {
            Some(deflate) => {
                deflate.pack(&mut self.output);
                &mut deflate.ready
            }
            None => &mut self.output,
        };
        while !pending.is_empty() {
            let size = pace.size.min(pending.len());
            let mut piece = pending.split_to(size);
            let writing = async {
                stream.write_all_buf(&mut piece).await?;
                stream.flush().await
            };
            let step = async {
                match timeout(self.write_patience, writing).await {
                    Err(_) => return Err(End::Broken("the client does not read".into())),
                    Ok(written) => written?,
                }
                match pace.pause(size) {
                    Duration::ZERO => {}
                    pause => sleep(pause).await,
                }
                Ok(())
            };
            tokio::select! {
                biased;
                () = down(&mut self.shutdown) => return Err(End::Shutdown),
                done = step => done?,
            }
        }
        self.pace = Some(pace);
        Ok(())
    }
}
