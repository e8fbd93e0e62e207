use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{sleep, timeout};
use wire::{Fact, Origin, Service};

use crate::connection::{Connection, down};
use crate::inboxes::Inboxes;
use crate::pen::Pen;
use crate::rates::Addresses;
use crate::session::Session;
use crate::{Context, Endpoint};

/// How long connections have to say goodbye once the listener is told to end.
const GRACE: Duration = Duration::from_secs(2);

/// Accepts connections until `shutdown` becomes `true` (or its sender is dropped), then says `421` on those that are
/// open, records their end, and returns when all are closed: two seconds later at most.
///
/// At most [`kernel::Limits::connections`] are open on one listener; further ones are told `421 4.3.2`.
pub async fn serve(
    context: Arc<Context>,
    listener: TcpListener,
    endpoint: Endpoint,
    mut shutdown: watch::Receiver<bool>,
) {
    let port = listener.local_addr().map(|address| address.port()).unwrap_or_default();
    let slots = Arc::new(Semaphore::new(context.limits.connections));
    let shared = Arc::new(Shared {
        context,
        endpoint,
        port,
        slots,
        inboxes: Inboxes::default(),
        addresses: Addresses::default(),
    });
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
                Err(error) => refused_by_the_system(&error).await,
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
        tracing::info!(port, left = connections.len(), "SMTP connections ended without their goodbye");
        connections.shutdown().await;
    }
}

/// What the connections of one listener share.
pub(crate) struct Shared {
    pub(crate) context: Arc<Context>,
    pub(crate) endpoint: Endpoint,
    pub(crate) inboxes: Inboxes,
    addresses: Addresses,
    port: u16,
    slots: Arc<Semaphore>,
}

async fn converse(shared: Arc<Shared>, tcp: TcpStream, peer: SocketAddr, shutdown: watch::Receiver<bool>) {
    let context = &shared.context;
    let origin = Origin {
        service: Service::Smtp,
        peer: peer.to_string(),
        port: shared.port,
        implicit_tls: shared.endpoint.implicit_tls,
        run: shared.endpoint.run,
    };
    let mut pen = Pen::new(context.journal.connect(origin));
    let slot = shared.slots.clone().try_acquire_owned();
    let refused = match (&slot, shared.addresses.admit(peer.ip(), &context.limits)) {
        (Ok(_), Ok(visitor)) => {
            let connection =
                Connection::new(tls::Stream::plain(tcp), pen, shutdown, context.timing.smtp_idle);
            Session::new(shared.clone(), connection, peer.ip(), visitor).run().await;
            return;
        }
        (Err(_), _) => "too many connections".to_owned(),
        (Ok(_), Err(text)) => text,
    };
    if shared.endpoint.implicit_tls {
        // A goodbye would cost a handshake, which is what the limit is there to bound.
        pen.record(Fact::Closed { reason: refused });
        return;
    }
    let connection = Connection::new(tls::Stream::plain(tcp), pen, shutdown, context.timing.smtp_idle);
    connection.turn_away(&context.hostname, refused).await;
}

/// A panic in one connection harms only that one; it is still our fault.
fn report(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "an SMTP connection panicked");
    }
}

/// Out of file descriptors, or a client gone between SYN and accept: wait a little rather than spin.
async fn refused_by_the_system(error: &io::Error) {
    tracing::warn!(%error, "SMTP accept failed");
    sleep(Duration::from_millis(50)).await;
}
