use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// A server connection, before or after TLS.
///
/// Writes may be kept in a buffer under TLS until `flush`. `shutdown` sends `close_notify` under TLS, then ends the
/// writing side of the TCP connection. A peer that ends its TCP connection without `close_notify` is read as an
/// ordinary end of file: many mail clients do so, and IMAP and SMTP know by themselves where a command ends.
#[derive(Debug)]
pub struct Stream(Kind);

#[derive(Debug)]
enum Kind {
    Plain(TcpStream),
    Tls(Box<tokio_rustls::server::TlsStream<Replay>>),
}

impl Stream {
    /// A connection as the listener gave it. Nagle's algorithm is switched off: protocols of short lines wait for
    /// each other.
    pub fn plain(tcp: TcpStream) -> Self {
        if let Err(error) = tcp.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY refused");
        }
        Self(Kind::Plain(tcp))
    }

    pub(crate) fn tls(session: tokio_rustls::server::TlsStream<Replay>) -> Self {
        Self(Kind::Tls(Box::new(session)))
    }

    /// The TCP connection of a stream that is still plain; `None` under TLS.
    pub(crate) fn into_tcp(self) -> Option<TcpStream> {
        match self.0 {
            Kind::Plain(tcp) => Some(tcp),
            Kind::Tls(_) => None,
        }
    }

    /// The TCP connection underneath: to see that a peer has gone, or to end with RST. Octets read from it or written
    /// to it would break TLS.
    pub fn tcp(&self) -> &TcpStream {
        match &self.0 {
            Kind::Plain(tcp) => tcp,
            Kind::Tls(session) => &session.get_ref().0.tcp,
        }
    }

    /// Whether TLS is up.
    pub fn is_tls(&self) -> bool {
        matches!(self.0, Kind::Tls(_))
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.0 {
            Kind::Plain(tcp) => Pin::new(tcp).poll_read(cx, buf),
            Kind::Tls(session) => match Pin::new(session.as_mut()).poll_read(cx, buf) {
                Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    Poll::Ready(Ok(()))
                }
                other => other,
            },
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.0 {
            Kind::Plain(tcp) => Pin::new(tcp).poll_write(cx, buf),
            Kind::Tls(session) => Pin::new(session.as_mut()).poll_write(cx, buf),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.0 {
            Kind::Plain(tcp) => Pin::new(tcp).poll_flush(cx),
            Kind::Tls(session) => Pin::new(session.as_mut()).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.0 {
            Kind::Plain(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Kind::Tls(session) => Pin::new(session.as_mut()).poll_shutdown(cx),
        }
    }
}

/// A TCP connection of which some bytes were read already: they are read again first.
#[derive(Debug)]
pub(crate) struct Replay {
    head: Vec<u8>,
    at: usize,
    tcp: TcpStream,
}

impl Replay {
    pub(crate) fn new(head: Vec<u8>, tcp: TcpStream) -> Self {
        Self { head, at: 0, tcp }
    }
}

impl AsyncRead for Replay {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.at < this.head.len() {
            let rest = &this.head[this.at..];
            let count = rest.len().min(buf.remaining());
            buf.put_slice(&rest[..count]);
            this.at += count;
            if this.at == this.head.len() {
                (this.head, this.at) = (Vec::new(), 0);
            }
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut this.tcp).poll_read(cx, buf)
    }
}

impl AsyncWrite for Replay {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tcp).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tcp).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}
