use std::io;
use std::sync::Arc;

use faults::{Asker, Plan};
use sasl::Offer;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::{Operator, Servers};

/// One door of the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Listener {
    /// IMAP with STARTTLS.
    Imap,
    /// IMAP with implicit TLS.
    Imaps,
    /// SMTP submission with STARTTLS.
    Submission,
    /// SMTP submission with implicit TLS.
    Submissions,
}

impl Operator {
    /// Serves a listener until `shutdown` turns true; ends when its connections have ended.
    pub fn serve(
        &self,
        listener: TcpListener,
        door: Listener,
        run: Option<i64>,
        shutdown: watch::Receiver<bool>,
    ) -> JoinHandle<()> {
        self.serve_offering(listener, door, run, Offer::default(), shutdown)
    }

    /// The same with another offer than the default one, to those whom nobody knows yet. A mailbox's own choice
    /// ([`Operator::set_offer`]) holds from its login on.
    pub fn serve_offering(
        &self,
        listener: TcpListener,
        door: Listener,
        run: Option<i64>,
        offer: Offer,
        shutdown: watch::Receiver<bool>,
    ) -> JoinHandle<()> {
        let faults = if run.is_none() { Asker::Board(self.faults().clone()) } else { Asker::Nobody };
        serve(&self.shared.servers, listener, door, Way { run, offer, faults }, shutdown)
    }

    /// Opens IMAP and SMTP ports for one run, on the loopback, with STARTTLS and with implicit TLS. Whatever reaches them belongs to
    /// that run: no "first to arrive".
    ///
    /// # Errors
    /// Where the system gives no port.
    pub async fn open_private(&self, run: i64) -> io::Result<PrivateListeners> {
        open(&self.shared.servers, Way::healthy(run, Offer::default())).await
    }

    /// The same with an offer of the run's own.
    ///
    /// # Errors
    /// Where the system gives no port.
    pub async fn open_private_offering(&self, run: i64, offer: Offer) -> io::Result<PrivateListeners> {
        open(&self.shared.servers, Way::healthy(run, offer)).await
    }

    /// The same with a server behind STARTTLS that knows TLS 1.1 and nothing later (SC.MSS/CONF.01): no handshake ever
    /// succeeds there, and the journal tells how the client took it ([`wire::old_tls`]).
    ///
    /// # Errors
    /// Where the system gives no port.
    pub async fn open_old_tls(&self, run: i64) -> io::Result<PrivateListeners> {
        open(&self.shared.old_servers, Way::healthy(run, Offer::default())).await
    }

    /// The same with servers that do wrong as a plan says; it counts for all of these ports together, and its report
    /// ([`Plan::report`]) says what was reached. Certificates of the TLS lab are made before the ports open.
    ///
    /// # Errors
    /// Where the system gives no port, and where the plan names a server that the TLS lab does not know
    /// ([`io::ErrorKind::InvalidInput`], with the nearest name).
    pub async fn open_private_faulty(
        &self,
        run: i64,
        offer: Offer,
        plan: Plan,
    ) -> io::Result<PrivateListeners> {
        self.prepare_faults(&plan).await?;
        open(&self.shared.servers, Way { run: Some(run), offer, faults: Asker::Plan(plan) }).await
    }
}

/// Whose a listener is, and what it offers.
#[derive(Clone)]
struct Way {
    run: Option<i64>,
    offer: Offer,
    faults: Asker,
}

impl Way {
    fn healthy(run: i64, offer: Offer) -> Self {
        Self { run: Some(run), offer, faults: Asker::Nobody }
    }
}

async fn open(servers: &Servers, way: Way) -> io::Result<PrivateListeners> {
    let doors = [Listener::Imap, Listener::Imaps, Listener::Submission, Listener::Submissions];
    let mut bound = Vec::new();
    for door in doors {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        bound.push((door, listener.local_addr()?.port(), listener));
    }
    let port = |wanted| bound.iter().find(|(door, ..)| *door == wanted).map_or(0, |(_, port, _)| *port);
    let [imap_port, imaps_port, smtp_port, smtps_port] = doors.map(port);
    let (close, shutdown) = watch::channel(false);
    let tasks = bound
        .into_iter()
        .map(|(door, _, listener)| serve(servers, listener, door, way.clone(), shutdown.clone()))
        .collect();
    Ok(PrivateListeners { imap_port, imaps_port, smtp_port, smtps_port, close, tasks })
}

fn serve(
    servers: &Servers,
    listener: TcpListener,
    door: Listener,
    way: Way,
    shutdown: watch::Receiver<bool>,
) -> JoinHandle<()> {
    let Way { run, offer, faults } = way;
    let implicit_tls = matches!(door, Listener::Imaps | Listener::Submissions);
    match door {
        Listener::Imap | Listener::Imaps => {
            let endpoint = imapd::Endpoint { implicit_tls, run, offer, faults };
            tokio::spawn(imapd::serve(Arc::clone(&servers.imap), listener, endpoint, shutdown))
        }
        Listener::Submission | Listener::Submissions => {
            let endpoint = smtpd::Endpoint { implicit_tls, run, offer, faults };
            tokio::spawn(smtpd::serve(Arc::clone(&servers.smtp), listener, endpoint, shutdown))
        }
    }
}

/// The ports of one run. Dropping them closes them; [`PrivateListeners::close`] waits for the last connection too.
#[derive(Debug)]
pub struct PrivateListeners {
    /// IMAP with STARTTLS.
    pub imap_port: u16,
    /// IMAP with implicit TLS.
    pub imaps_port: u16,
    /// SMTP submission with STARTTLS.
    pub smtp_port: u16,
    /// SMTP submission with implicit TLS.
    pub smtps_port: u16,
    close: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl PrivateListeners {
    /// Closes the ports, says goodbye to the connections still open, and returns when they have ended.
    pub async fn close(mut self) {
        let _ = self.close.send(true);
        for task in std::mem::take(&mut self.tasks) {
            let _ = task.await;
        }
    }
}

impl Drop for PrivateListeners {
    fn drop(&mut self) {
        let _ = self.close.send(true);
    }
}
