//! A connection that starts in clear or in TLS, and becomes TLS at most once.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use kernel::{Failure, Stage};
use rustls::ClientConfig;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout_at;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::{Endpoint, Patience, Security};

pub(crate) struct Transport {
    io: Io,
    endpoint: Endpoint,
    config: Arc<ClientConfig>,
    patience: Patience,
}

enum Io {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// Why there is no TLS.
pub(crate) struct Unshaken {
    pub(crate) failure: Failure,
    /// TLS' own word, where it had one.
    pub(crate) cause: Option<rustls::Error>,
}

impl From<Failure> for Unshaken {
    fn from(failure: Failure) -> Self {
        Self { failure, cause: None }
    }
}

impl Transport {
    /// Connects; for [`Security::Tls`] the handshake is done too.
    pub(crate) async fn connect(
        endpoint: &Endpoint,
        config: &Arc<ClientConfig>,
        patience: Patience,
    ) -> Result<Self, Failure> {
        let sockets = endpoint.sockets();
        let attempt = async {
            if sockets.is_empty() {
                TcpStream::connect((endpoint.host.as_str(), endpoint.port)).await
            } else {
                TcpStream::connect(&sockets[..]).await
            }
        };
        let tcp = match timeout_at(patience.end(patience.connect), attempt).await {
            Ok(Ok(tcp)) => tcp,
            Ok(Err(error)) => {
                return Err(Failure::temporary(
                    Stage::Connect,
                    format!("no connection to {endpoint}: {error}"),
                ));
            }
            Err(_) => return Err(Failure::temporary(Stage::Connect, format!("{endpoint} does not answer"))),
        };
        let _ = tcp.set_nodelay(true); // commands are short; a refusal by the system changes nothing but the pace
        let plain =
            Self { io: Io::Plain(tcp), endpoint: endpoint.clone(), config: Arc::clone(config), patience };
        match endpoint.security {
            Security::StartTls => Ok(plain),
            Security::Tls => plain.handshake().await,
        }
    }

    pub(crate) fn is_tls(&self) -> bool {
        matches!(self.io, Io::Tls(_))
    }

    pub(crate) fn patience(&self) -> Patience {
        self.patience
    }

    /// The address that this connection comes from.
    pub(crate) fn local_ip(&self) -> Option<IpAddr> {
        let tcp = match &self.io {
            Io::Plain(tcp) => tcp,
            Io::Tls(tls) => tls.get_ref().0,
        };
        tcp.local_addr().ok().map(|address| address.ip())
    }

    /// Shakes hands. The certificate, its revocation included, is judged here, before any credential is sent
    /// (spec 01 §3.3).
    pub(crate) async fn handshake(self) -> Result<Self, Failure> {
        self.shake_hands().await.map_err(|unshaken| unshaken.failure)
    }

    /// The same, with TLS' own word for what went wrong.
    pub(crate) async fn shake_hands(self) -> Result<Self, Unshaken> {
        let Io::Plain(tcp) = self.io else {
            return Err(Failure::permanent(Stage::Tls, "TLS is up already").into());
        };
        let name = ServerName::try_from(self.endpoint.host.clone()).map_err(|_| {
            Failure::permanent(
                Stage::Tls,
                format!("{} is no host name that a certificate can carry", self.endpoint.host),
            )
        })?;
        let handshake = TlsConnector::from(Arc::clone(&self.config)).connect(name, tcp);
        match timeout_at(self.patience.end(self.patience.handshake), handshake).await {
            Ok(Ok(tls)) => Ok(Self { io: Io::Tls(Box::new(tls)), ..self }),
            Ok(Err(error)) => {
                let cause = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()).cloned();
                Err(Unshaken { failure: from_io(Stage::Tls, &error), cause })
            }
            Err(_) => Err(Failure::temporary(Stage::Tls, "the TLS handshake is not over in time").into()),
        }
    }

    /// The certificates that the server showed, its own first; empty in clear.
    pub(crate) fn server_chain(&self) -> Vec<CertificateDer<'static>> {
        match &self.io {
            Io::Plain(_) => Vec::new(),
            Io::Tls(tls) => tls.get_ref().1.peer_certificates().unwrap_or_default().to_vec(),
        }
    }

    /// Reads what the server has sent; never empty.
    pub(crate) async fn read(&mut self, stage: Stage, wait: Duration) -> Result<Vec<u8>, Failure> {
        let mut chunk = vec![0; 16 * 1024];
        let read = async {
            match &mut self.io {
                Io::Plain(tcp) => tcp.read(&mut chunk).await,
                Io::Tls(tls) => tls.read(&mut chunk).await,
            }
        };
        match timeout_at(self.patience.end(wait), read).await {
            Ok(Ok(0)) => Err(Failure::temporary(stage, "the server closed the connection")),
            Ok(Ok(count)) => {
                chunk.truncate(count);
                Ok(chunk)
            }
            Ok(Err(error)) => Err(from_io(stage, &error)),
            Err(_) => Err(Failure::temporary(stage, "the server does not answer in time")),
        }
    }

    /// Writes and flushes.
    pub(crate) async fn write(&mut self, stage: Stage, bytes: &[u8]) -> Result<(), Failure> {
        let write = async {
            match &mut self.io {
                Io::Plain(tcp) => tcp.write_all(bytes).await,
                Io::Tls(tls) => {
                    tls.write_all(bytes).await?;
                    tls.flush().await
                }
            }
        };
        match timeout_at(self.patience.end(self.patience.reply), write).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(from_io(stage, &error)),
            Err(_) => Err(Failure::temporary(stage, "the server does not take what is sent, in time")),
        }
    }

    /// Says goodbye at the TLS level. Errors mean nothing any more.
    pub(crate) async fn close(mut self) {
        let bye = async {
            match &mut self.io {
                Io::Plain(tcp) => tcp.shutdown().await,
                Io::Tls(tls) => tls.shutdown().await,
            }
        };
        let _ = timeout_at(self.patience.end(Duration::from_secs(2)), bye).await;
    }
}

/// In TLS 1.3 a server judges our certificate after we have finished: its refusal comes as an alert on the first
/// read, whatever the stage, and is a refusal of TLS.
fn from_io(stage: Stage, error: &io::Error) -> Failure {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(error @ rustls::Error::AlertReceived(_)) => Failure::permanent(Stage::Tls, tls::explain(error)),
        Some(error) => Failure::permanent(
            Stage::Tls,
            format!("TLS with this server was given up: {}", tls::explain(error)),
        ),
        None if error.kind() == io::ErrorKind::UnexpectedEof => {
            Failure::temporary(stage, "the server closed the connection")
        }
        None => Failure::temporary(stage, format!("the connection broke: {error}")),
    }
}
