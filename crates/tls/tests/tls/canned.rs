//! Real clients against a server limited to TLS 1.1: those that keep to TLS 1.2, and those that do not.

use tls::{ClientTrust, Error, Lab};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Command;
use wire::{Fact, old_tls};

use crate::support::*;

/// The reason of a visit, after a look at everything else that it must state.
fn reaction(visit: &Visit) -> &str {
    let [Fact::ClientHello { .. }, Fact::Note { text }, Fact::TlsFailed { reason, certificate: None }] =
        visit.facts.as_slice()
    else {
        panic!("{:?}", visit.facts)
    };
    assert_eq!(text, old_tls::OFFERED);
    assert!(matches!(&visit.outcome, Err(Error::Handshake(told)) if told == reason));
    reason
}

async fn server(lab: &Lab) -> Server {
    Server::start(lab.acceptor().limited_to_tls_1_1()).await
}

#[tokio::test]
async fn rustls_refuses() {
    let (_dir, lab) = lab();
    let mut server = server(&lab).await;
    let crls: Vec<Vec<u8>> = lab.crls().into_iter().map(|(_, der)| der).collect();
    let trust = ClientTrust::new(lab.ca_pem(), &crls).unwrap().config().unwrap();
    let tcp = TcpStream::connect(server.address).await.unwrap();
    let name = rustls_pki_types::ServerName::try_from("localhost").unwrap();
    let error = tokio_rustls::TlsConnector::from(trust).connect(name, tcp).await.unwrap_err();
    let visit = server.visit().await;
    let reason = reaction(&visit);
    assert!(reason.starts_with(old_tls::REFUSED), "{reason} ({error})");
    assert!(reason.contains("aucune des suites"), "{reason}");
    assert!(visit.hello().versions.iter().all(|version| *version >= 0x0303));
}

#[tokio::test]
async fn openssl_does_as_it_is_told() {
    let (dir, lab) = lab();
    let root = path(dir.path(), "root.pem");
    let (_other_dir, other) = crate::support::lab();
    let wrong = put(dir.path(), "wrong.pem", other.ca_pem());
    let mut server = server(&lab).await;
    let all = ["-cipher", "ALL:@SECLEVEL=0"];
    let low = ["-min_protocol", "TLSv1", "-cipher", "ALL:@SECLEVEL=0"];
    let ecdhe = ["-tls1_1", "-cipher", "ECDHE-RSA-AES128-SHA:@SECLEVEL=0"];
    let distrustful = [&low[..], &["-CAfile", &wrong, "-verify_return_error"]].concat();
    for (arguments, begins, contains) in [
        // (Told nothing, OpenSSL 3 takes TLS 1.1 with RSA key exchange.)
        (&["-min_protocol", "TLSv1.2"][..], old_tls::REFUSED, "protocol_version (70)"),
        (&["-tls1_2"], old_tls::REFUSED, "protocol_version (70)"),
        (&["-tls1_2", "-cipher", "AES128-SHA"], old_tls::REFUSED, "protocol_version (70)"),
        (&["-tls1_3"], old_tls::REFUSED, ""),
        (&[&["-tls1_1", "-CAfile", &root], &all[..]].concat(), old_tls::ACCEPTED, "ClientKeyExchange"),
        (&low, old_tls::ACCEPTED, "ClientKeyExchange"),
        (&distrustful, old_tls::ACCEPTED, "unknown_ca (48)"),
        (&ecdhe, old_tls::ACCEPTED, "unexpected_message (10)"),
    ] {
        let (output, visit) = server.s_client(arguments).await;
        let reason = reaction(&visit);
        assert!(reason.starts_with(begins) && reason.contains(contains), "{arguments:?}: {reason}\n{output}");
    }
}

#[tokio::test]
async fn python_refuses_by_itself_and_accepts_when_told_to() {
    const CLIENT: &str = "import socket, ssl, sys, warnings\n\
        warnings.simplefilter('ignore')\n\
        context = ssl.create_default_context(cafile=sys.argv[2])\n\
        if sys.argv[3] == 'low':\n    \
            context.minimum_version = ssl.TLSVersion.TLSv1\n    \
            context.set_ciphers('ALL:@SECLEVEL=0')\n\
        with socket.create_connection(('127.0.0.1', int(sys.argv[1]))) as tcp:\n    \
            context.wrap_socket(tcp, server_hostname='localhost')\n";
    let (dir, lab) = lab();
    let root = path(dir.path(), "root.pem");
    let mut server = server(&lab).await;
    let port = server.address.port().to_string();
    for (how, prefix) in [("default", old_tls::REFUSED), ("low", old_tls::ACCEPTED)] {
        let output = Command::new("python3").args(["-c", CLIENT, &port, &root, how]).output().await.unwrap();
        assert!(String::from_utf8_lossy(&output.stderr).contains("SSLError"), "{}", text(&output));
        let visit = server.visit().await;
        assert!(reaction(&visit).starts_with(prefix), "{how}: {}", reaction(&visit));
    }
}

#[tokio::test]
async fn a_client_that_hangs_up_on_the_server_hello_refuses() {
    let (_dir, lab) = lab();
    let mut server = server(&lab).await;
    let mut client = TcpStream::connect(server.address).await.unwrap();
    // TLS 1.2 at most, no extension, one suite and the SCSV of RFC 5746.
    let body = [&[3, 3][..], &[7; 32], &[0, 0, 4, 0, 0x2f, 0, 0xff, 1, 0]].concat();
    let length = u8::try_from(body.len()).unwrap();
    client.write_all(&[&[22, 3, 1, 0, length + 4, 1, 0, 0, length][..], &body].concat()).await.unwrap();
    let mut hello = [0; 54];
    client.read_exact(&mut hello).await.unwrap();
    assert_eq!(hello[..11], [22, 3, 2, 0, 49, 2, 0, 0, 45, 3, 2]);
    assert_ne!(hello[11..43], [0; 32]);
    assert_eq!(hello[43..], [0, 0, 0x2f, 0, 0, 5, 0xff, 1, 0, 1, 0]);
    drop(client);
    let visit = server.visit().await;
    let reason = reaction(&visit);
    assert!(reason.starts_with(old_tls::REFUSED) && reason.contains("sans alerte"), "{reason}");
}

#[tokio::test]
async fn what_is_no_hello_is_not_offered_anything() {
    let (_dir, lab) = lab();
    let mut server = server(&lab).await;
    let mut client = TcpStream::connect(server.address).await.unwrap();
    client.write_all(b"EHLO here\r\n").await.unwrap();
    let visit = server.visit().await;
    assert!(matches!(visit.facts.as_slice(), [Fact::TlsFailed { .. }]), "{:?}", visit.facts);
}
