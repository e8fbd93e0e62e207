use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{sleep, timeout};
use wire::{Origin, Service};

use crate::connection::{Connection, down};
use crate::pen::Pen;
use crate::rates::Rates;
use crate::session::Session;
use crate::{Context, Endpoint};

/// How long connections have to say goodbye once the listener is told to end.
const GRACE: Duration = Duration::from_secs(2);

/// Accepts connections until `shutdown` becomes `true` (or its sender is dropped), then says `* BYE` on those that are
/// open, records their end, and returns when all are closed: two seconds later at most.
///
/// At most [`kernel::Limits::connections`] are open on one listener, and at most
/// [`kernel::Limits::connections_per_address`] of one address; further ones are told `* BYE`, and so is an address that
/// connects or commands faster than the limits' rates.
pub async fn serve(
    context: Arc<Context>,
    listener: TcpListener,
    endpoint: Endpoint,
    mut shutdown: watch::Receiver<bool>,
) {
    let port = listener.local_addr().map(|address| address.port()).unwrap_or_default();
    let slots = Arc::new(Semaphore::new(context.limits.connections));
    let rates = Rates::new(&context.limits);
    let shared = Arc::new(Shared { context, endpoint, port, slots, rates });
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            () = down(&mut shutdown) => break,
            Some(ended) = connections.join_next() => report(ended),
            accepted = listener.accept() => match accepted {
                Ok((tcp, peer)) => {
                    connections.spawn(converse(shared.clone(), tcp, peer, shutdown.clone()));
                }
                Err(error) => {
                    // Out of file descriptors, or a client gone between SYN and accept: wait rather than spin.
                    tracing::warn!(%error, "IMAP accept failed");
                    sleep(Duration::from_millis(50)).await;
                }
            },
        }
    }
    drop(listener);
    let drained = timeout(GRACE, async {
        while let Some(ended) = connections.join_next().await {
            report(ended);
        }
    });
    if drained.await.is_err() {
        tracing::info!(port, left = connections.len(), "IMAP connections ended without their goodbye");
        connections.shutdown().await;
    }
}

struct Shared {
    context: Arc<Context>,
    endpoint: Endpoint,
    port: u16,
    slots: Arc<Semaphore>,
    rates: Rates,
}

async fn converse(shared: Arc<Shared>, tcp: TcpStream, peer: SocketAddr, shutdown: watch::Receiver<bool>) {
    let context = shared.context.clone();
    let origin = Origin {
        service: Service::Imap,
        peer: peer.to_string(),
        port: shared.port,
        implicit_tls: shared.endpoint.implicit_tls,
        run: shared.endpoint.run,
    };
    let mut pen = Pen::new(context.journal.connect(origin));
    let slot = shared.slots.clone().try_acquire_owned();
    let admitted = match &slot {
        Ok(_) => shared.rates.admit(peer.ip()),
        Err(_) => Err("Too many connections; try again later".to_owned()),
    };
    if let (Err(why), true) = (&admitted, shared.endpoint.implicit_tls) {
        // A goodbye would cost a handshake, which is what the limit is there to bound.
        pen.close(&format!("too many connections: {why}"));
        return;
    }
    let connection = Connection::new(tls::Stream::plain(tcp), pen, shutdown, &context);
    Session::new(context, connection, shared.endpoint.offer, shared.endpoint.faults.clone())
        .run(shared.endpoint.implicit_tls, admitted)
        .await;
}

/// A panic in one connection harms only that one; it is still our fault.
fn report(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "an IMAP connection panicked");
    }
}
