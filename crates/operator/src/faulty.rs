//! Faults on the operator's ports: a board for the fixed ones, and the servers of the TLS lab by their names.

use std::io;
use std::sync::Arc;

use faults::{Board, Plan};
use tls::{BadServer, Lab};

use crate::Operator;

impl Operator {
    /// What is armed on the fixed ports: arm a plan for a mailbox, and keep the guard as long as it lasts. A plan with a
    /// fault in the TLS handshake is prepared first ([`Operator::prepare_faults`]). It is in memory only: a process
    /// that crashed begins with nothing armed.
    pub fn faults(&self) -> &Board {
        &self.shared.faults
    }

    /// Makes the certificates that a plan's faults show, which may take a second, so that no client waits for it.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] where the plan names a server that the TLS lab does not know, with the nearest
    /// name; another kind where a certificate cannot be made.
    pub async fn prepare_faults(&self, plan: &Plan) -> io::Result<()> {
        let named: Result<Vec<_>, _> = plan.tls_names().map(BadServer::parse).collect();
        let wanted = named.map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        if wanted.is_empty() {
            return Ok(());
        }
        let lab = Arc::clone(&self.shared.parts.lab);
        let make = move || wanted.into_iter().try_for_each(|fault| lab.bad_acceptor(fault).map(|_| ()));
        tokio::task::spawn_blocking(make).await.map_err(io::Error::other)?.map_err(io::Error::other)
    }
}

/// Finds the servers of the TLS lab by their names.
pub(crate) fn servers(lab: &Arc<Lab>) -> imapd::TlsFaults {
    let lab = Arc::clone(lab);
    Arc::new(move |name| {
        let made = BadServer::parse(name).and_then(|fault| lab.bad_acceptor(fault));
        made.inspect_err(|error| tracing::warn!(%error, "no server of the TLS lab")).ok()
    })
}
