use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt as _;

/// How long a client has for its TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// How long a client has for the head of each request; also how long an idle connection is kept.
const HEAD: Duration = Duration::from_secs(30);

/// How long connections may finish what they are at when the server stops.
const GRACE: Duration = Duration::from_secs(3);

/// Connections of one listener at a time.
const CONNECTIONS: usize = 512;

/// Who is at the other end: an extension of every request served here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The client's address and port.
    pub address: SocketAddr,
    /// The local port that it reached.
    pub port: u16,
}

/// The certificate (DER) that a client showed in its TLS handshake, verified by the listener's own policy: an extension
/// of the requests of such a connection.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientCertificate(pub Arc<[u8]>);

impl std::fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ClientCertificate(sha256 {})", kernel::sha256_hex(&self.0))
    }
}

/// An extension of an answer that makes the server close the connection instead of answering: how a service plays
/// that it is down for one client and up for the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HangUp;

/// Serves a router over HTTP until `shutdown` becomes true (or its sender is gone), then lets requests under way end
/// within 3 s.
pub async fn serve_http(listener: TcpListener, router: Router, shutdown: watch::Receiver<bool>) {
    serve(listener, router, None, shutdown).await;
}

/// The same over HTTPS. A handshake that fails is the client's affair: it is logged for debugging, and nothing else.
pub async fn serve_https(
    listener: TcpListener,
    router: Router,
    tls: Arc<rustls::ServerConfig>,
    shutdown: watch::Receiver<bool>,
) {
    serve(listener, router, Some(TlsAcceptor::from(tls)), shutdown).await;
}

async fn serve(
    listener: TcpListener,
    router: Router,
    tls: Option<TlsAcceptor>,
    mut shutdown: watch::Receiver<bool>,
) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let port = listener.local_addr().map_or(0, |address| address.port());
    let mut open = JoinSet::new();
    loop {
        let (stream, address) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of descriptors, or a client gone before it was accepted: never a reason to stop.
                    tracing::warn!(%error, port, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
            () = stopped(&mut shutdown) => break,
        };
        while open.try_join_next().is_some() {}
        let Ok(place) = places.clone().try_acquire_owned() else {
            tracing::warn!(%address, port, "too many connections: one more was closed");
            continue;
        };
        let (router, tls, stop) = (router.clone(), tls.clone(), shutdown.clone());
        let peer = Peer { address, port };
        open.spawn(async move {
            let _place = place;
            let _ = stream.set_nodelay(true);
            let Some(tls) = tls else { return converse(stream, router, peer, None, stop).await };
            match tokio::time::timeout(HANDSHAKE, tls.accept(stream)).await {
                Ok(Ok(stream)) => {
                    let chain = stream.get_ref().1.peer_certificates();
                    let shown =
                        chain.and_then(<[_]>::first).map(|leaf| ClientCertificate(leaf.as_ref().into()));
                    converse(stream, router, peer, shown, stop).await;
                }
                Ok(Err(error)) => tracing::debug!(%address, port, %error, "TLS handshake failed"),
                Err(_) => tracing::debug!(%address, port, "TLS handshake timed out"),
            }
        });
    }
    drop(listener);
    let drained = async { while open.join_next().await.is_some() {} };
    if tokio::time::timeout(GRACE, drained).await.is_err() {
        tracing::debug!(port, "connections still open were cut at shutdown");
    }
    open.shutdown().await;
}

async fn converse<S>(
    stream: S,
    router: Router,
    peer: Peer,
    shown: Option<ClientCertificate>,
    mut shutdown: watch::Receiver<bool>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = hyper::service::service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(peer);
        if let Some(shown) = &shown {
            request.extensions_mut().insert(shown.clone());
        }
        let answer = router.clone().oneshot(request);
        async move {
            let answer = answer.await.unwrap_or_else(|never| match never {});
            match answer.extensions().get::<HangUp>() {
                Some(HangUp) => Err(std::io::Error::other("the service plays dead")),
                None => Ok(answer),
            }
        }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(64 * 1024)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stopped(&mut shutdown) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(address = %peer.address, port = peer.port, %error, "HTTP connection ended early");
    }
}

/// Returns when the server is told to stop. Apart, so that the channel's read guard never crosses an await.
async fn stopped(shutdown: &mut watch::Receiver<bool>) {
    let _ = shutdown.wait_for(|stop| *stop).await;
}
