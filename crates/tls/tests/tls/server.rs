//! Foreign clients against [`tls::Acceptor`].

use tls::{Error, Lab};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::*;

#[tokio::test]
async fn tls_1_2_and_1_3_are_accepted_and_the_whole_chain_is_sent() {
    let (dir, lab) = lab();
    let root = path(dir.path(), "root.pem");
    let mut server = Server::start(lab.acceptor()).await;
    for (flag, version, suite) in [
        ("-tls1_2", "TLSv1.2", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"),
        ("-tls1_3", "TLSv1.3", "TLS_AES_256_GCM_SHA384"),
    ] {
        // Only the root is known to the client: verification needs the intermediate from the server.
        let arguments = [flag, "-CAfile", &root, "-verify_return_error", "-servername", "localhost"];
        let (output, visit) = server.s_client(&arguments).await;
        assert!(output.contains("Verify return code: 0 (ok)"), "{output}");
        assert!(output.contains(GREETING), "{output}");
        assert!(output.contains("closed"), "close_notify was not understood: {output}");
        let tls = visit.established();
        assert_eq!((tls.version.as_str(), tls.suite.as_str()), (version, suite));
        assert_eq!(tls.sni.as_deref(), Some("localhost"));
        assert_eq!(tls.certificate, None);
        assert_eq!(visit.outcome.as_ref().unwrap(), tls);
        assert_eq!(visit.hello().sni.as_deref(), Some("localhost"));
        assert_eq!(visit.facts.len(), 2);
    }
}

#[tokio::test]
async fn tls_1_1_is_refused_and_its_hello_is_known() {
    let (_dir, lab) = lab();
    let mut server = Server::start(lab.acceptor()).await;
    let (output, visit) = server.s_client(&["-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"]).await;
    assert!(output.contains("alert protocol version"), "{output}");
    assert_eq!(visit.hello().versions, [0x0302]);
    assert!(visit.hello().suites.contains(&0xc014));
    let (reason, certificate) = visit.failure();
    assert!(reason.contains("TLSv1.1") && reason.contains("CONF.01"), "{reason}");
    assert_eq!(certificate, None);
}

#[tokio::test]
async fn suites_outside_the_list_are_refused() {
    let (_dir, lab) = lab();
    let mut server = Server::start(lab.acceptor()).await;
    for suite in ["AES256-SHA", "AES256-GCM-SHA384", "ECDHE-RSA-AES256-SHA384"] {
        let (output, visit) = server.s_client(&["-tls1_2", "-cipher", suite]).await;
        assert!(output.contains("alert handshake failure"), "{output}");
        assert!(visit.failure().0.contains("cipher suite"), "{}", visit.failure().0);
    }
}

#[tokio::test]
async fn a_client_certificate_is_verified_and_told() {
    let (dir, lab) = lab();
    let issued = lab.issue_auth_cli("163254178", "SantéProMoins").unwrap();
    assert_eq!(issued.facts.subject, "C=FR, ST=Paris (75), O=SantéProMoins, OU=163254178, CN=163254178");
    assert_eq!(issued.facts.issuer, "TEST AC IGC-SANTE ELEMENTAIRE ORGANISATIONS LAB");
    let files = ClientFiles::new(dir.path(), "client", &issued);
    let mut server = Server::start(lab.acceptor()).await;
    for version in ["-tls1_2", "-tls1_3"] {
        for with in [&files.full()[..], &files.leaf_alone()[..]] {
            let (output, visit) = server.s_client(&[&[version], with].concat()).await;
            assert!(output.contains(GREETING), "{output}");
            assert_eq!(visit.established().certificate.as_ref(), Some(&issued.facts));
        }
    }
}

#[tokio::test]
async fn a_further_certificate_on_the_same_key_has_its_own_serial() {
    let (dir, lab) = lab();
    let first = lab.issue_auth_cli("163254178", "S").unwrap();
    let second = lab.renew_auth_cli("163254178", "S", &first.key_pem).unwrap();
    assert_ne!(first.facts.serial, second.facts.serial);
    assert_eq!(first.key_pem, second.key_pem);
    let files = ClientFiles::new(dir.path(), "second", &second);
    let mut server = Server::start(lab.acceptor()).await;
    lab.revoke(&first.facts.serial).unwrap();
    let (_, visit) = server.s_client(&files.full()).await;
    assert_eq!(visit.established().certificate.as_ref(), Some(&second.facts));
}

#[tokio::test]
async fn a_revoked_certificate_ends_the_handshake_from_the_next_one_on() {
    let (dir, lab) = lab();
    let issued = lab.issue_auth_cli("163254178", "S").unwrap();
    let files = ClientFiles::new(dir.path(), "client", &issued);
    let mut server = Server::start(lab.acceptor()).await;
    assert!(server.s_client(&files.full()).await.1.outcome.is_ok());
    lab.revoke(&issued.facts.serial).unwrap();
    for version in ["-tls1_2", "-tls1_3"] {
        let (output, visit) = server.s_client(&[&[version], &files.full()[..]].concat()).await;
        assert!(output.contains("alert certificate revoked"), "{output}");
        assert!(!output.contains(GREETING), "{output}");
        let (reason, certificate) = visit.failure();
        assert!(reason.contains("revoked"), "{reason}");
        assert_eq!(certificate, Some(&issued.facts));
        assert!(matches!(visit.outcome, Err(Error::Handshake(_))));
    }
    // Others are not concerned.
    assert!(server.s_client(&[]).await.1.outcome.is_ok());
}

#[tokio::test]
async fn a_foreign_certificate_ends_the_handshake() {
    let (dir, lab) = lab();
    let (_other_dir, other) = crate::support::lab();
    let issued = other.issue_auth_cli("163254178", "S").unwrap();
    let files = ClientFiles::new(dir.path(), "foreign", &issued);
    let mut server = Server::start(lab.acceptor()).await;
    for with in [&files.full()[..], &files.leaf_alone()[..]] {
        let (output, visit) = server.s_client(with).await;
        assert!(!output.contains(GREETING), "{output}");
        let (reason, certificate) = visit.failure();
        assert!(reason.contains("not signed by the key") || reason.contains("anchors"), "{reason}");
        assert_eq!(certificate, Some(&issued.facts));
    }
}

#[tokio::test]
async fn an_expired_certificate_ends_the_handshake() {
    let dir = tempfile::TempDir::new().unwrap();
    let four_years_ago = days_ago(4 * 365);
    let old = Lab::open(dir.path(), &names(), &four_years_ago).unwrap();
    let issued = old.issue_auth_cli("163254178", "S").unwrap();
    let lab = open(dir.path());
    assert_eq!(lab.ca_pem(), old.ca_pem());
    let files = ClientFiles::new(dir.path(), "client", &issued);
    let mut server = Server::start(lab.acceptor()).await;
    let (output, visit) = server.s_client(&files.full()).await;
    assert!(output.contains("alert certificate expired"), "{output}");
    let (reason, certificate) = visit.failure();
    assert!(reason.contains(&format!("expired on {}", issued.facts.not_after)), "{reason}");
    assert_eq!(certificate, Some(&issued.facts));
    // The positive control: a fresh certificate on the same key.
    let fresh = lab.renew_auth_cli("163254178", "S", &issued.key_pem).unwrap();
    let files = ClientFiles::new(dir.path(), "fresh", &fresh);
    assert!(server.s_client(&files.full()).await.1.outcome.is_ok());
}

#[tokio::test]
async fn a_certificate_for_another_purpose_ends_the_handshake() {
    let (dir, lab) = lab();
    let mut server = Server::start(lab.acceptor()).await;
    for (name, extension) in
        [("mail", "extendedKeyUsage=emailProtection"), ("none", "keyUsage=digitalSignature")]
    {
        let [key, cert] = odd_certificate(dir.path(), name, extension, "organisations").await;
        let (output, visit) = server.s_client(&["-cert", &cert, "-key", &key]).await;
        assert!(!output.contains(GREETING), "{output}");
        let (reason, certificate) = visit.failure();
        assert!(reason.contains("not meant for"), "{reason}");
        assert_eq!(certificate.unwrap().common_name, name);
    }
    // Signed by the root itself: a chain to the anchor, but not through Organisations.
    let [key, cert] = odd_certificate(dir.path(), "direct", "extendedKeyUsage=clientAuth", "root").await;
    let (_, visit) = server.s_client(&["-cert", &cert, "-key", &key]).await;
    assert!(visit.failure().0.contains("not IGC-Santé Élémentaire Organisations"), "{}", visit.failure().0);
}

/// A certificate that the lab would never issue, made with OpenSSL on the lab's own key.
async fn odd_certificate(dir: &std::path::Path, name: &str, extension: &str, authority: &str) -> [String; 2] {
    let [key, request, cert] = ["key", "csr", "crt"].map(|kind| path(dir, &format!("odd-{name}.{kind}")));
    let extensions = put(dir, &format!("odd-{name}.ext"), extension);
    let subject = format!("/C=FR/CN={name}");
    openssl_ok(&[
        "req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", &key, "-out", &request, "-subj", &subject,
    ])
    .await;
    let [ca, ca_key] = ["pem", "key"].map(|kind| path(dir, &format!("{authority}.{kind}")));
    openssl_ok(&[
        "x509",
        "-req",
        "-in",
        &request,
        "-CA",
        &ca,
        "-CAkey",
        &ca_key,
        "-days",
        "2",
        "-extfile",
        &extensions,
        "-out",
        &cert,
    ])
    .await;
    [key, cert]
}

#[tokio::test]
async fn clear_text_and_silence_have_their_reason() {
    let (_dir, lab) = lab();
    let mut server = Server::start(lab.acceptor()).await;
    let mut client = TcpStream::connect(server.address).await.unwrap();
    client.write_all(b"a1 LOGIN bob hunter2\r\n").await.unwrap();
    let visit = server.visit().await;
    let (reason, _) = visit.failure();
    assert_eq!(reason, "the client sent clear text where a TLS handshake was expected");
    assert!(matches!(&visit.outcome, Err(error @ Error::Hello(_)) if !error.to_string().contains("hunter2")));
    assert_eq!(visit.facts.len(), 1);

    drop(TcpStream::connect(server.address).await.unwrap());
    assert!(server.visit().await.failure().0.contains("before its ClientHello"));

    let mut client = TcpStream::connect(server.address).await.unwrap();
    client.write_all(&[22, 3, 1, 0, 200, 1, 0, 0]).await.unwrap();
    drop(client);
    assert!(server.visit().await.failure().0.contains("in the middle of its ClientHello"));

    // Broken TLS is told so, in TLS.
    let mut client = TcpStream::connect(server.address).await.unwrap();
    client.write_all(&[22, 3, 1, 0, 4, 2, 0, 0, 0]).await.unwrap();
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).await.unwrap();
    assert_eq!(answer, [21, 3, 3, 0, 2, 2, 50]);
    drop(client);
    assert!(server.visit().await.failure().0.contains("not a ClientHello"));
}

#[tokio::test]
async fn a_hello_may_come_byte_by_byte() {
    let (dir, lab) = lab();
    let issued = lab.issue_auth_cli("163254178", "S").unwrap();
    let files = ClientFiles::new(dir.path(), "client", &issued);
    let mut server = Server::start(lab.acceptor()).await;
    let behind = server.address;
    let relay = TcpListener::bind("127.0.0.1:0").await.unwrap();
    server.address = relay.local_addr().unwrap();
    tokio::spawn(async move {
        let (client, _) = relay.accept().await.unwrap();
        let upstream = TcpStream::connect(behind).await.unwrap();
        upstream.set_nodelay(true).unwrap();
        let (mut from_client, mut to_client) = client.into_split();
        let (mut from_server, mut to_server) = upstream.into_split();
        let back = tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
        let mut chunk = [0; 4_096];
        while let Ok(count) = from_client.read(&mut chunk).await {
            if count == 0 {
                break;
            }
            for byte in &chunk[..count] {
                to_server.write_all(&[*byte]).await.unwrap();
                tokio::task::yield_now().await;
            }
        }
        drop(to_server);
        let _ = back.await;
    });
    let (output, visit) = server.s_client(&files.full()).await;
    assert!(output.contains(GREETING), "{output}");
    assert_eq!(visit.established().certificate.as_ref(), Some(&issued.facts));
}

#[tokio::test]
async fn a_client_that_does_not_trust_us_is_heard() {
    let (dir, lab) = lab();
    let (_other_dir, other) = crate::support::lab();
    let wrong = put(dir.path(), "wrong.pem", other.ca_pem());
    let mut server = Server::start(lab.acceptor()).await;
    for version in ["-tls1_2", "-tls1_3"] {
        let (_, visit) = server.s_client(&[version, "-CAfile", &wrong, "-verify_return_error"]).await;
        let (reason, _) = visit.failure();
        assert!(reason.contains("refused with the alert") && reason.contains("trust"), "{reason}");
    }
}

#[tokio::test]
async fn no_session_is_resumed() {
    let (dir, lab) = lab();
    let issued = lab.issue_auth_cli("163254178", "S").unwrap();
    let files = ClientFiles::new(dir.path(), "client", &issued);
    let mut server = Server::start(lab.acceptor()).await;
    for version in ["-tls1_2", "-tls1_3"] {
        let session = path(dir.path(), "session");
        let (_, first) =
            server.s_client(&[&[version, "-sess_out", &session], &files.full()[..]].concat()).await;
        assert!(first.outcome.is_ok());
        let mut arguments = vec![version];
        if std::fs::exists(&session).unwrap() {
            arguments.extend(["-sess_in", &session]);
        }
        arguments.extend(files.full());
        let (output, second) = server.s_client(&arguments).await;
        assert!(output.contains("New, TLS") && !output.contains("Reused"), "{output}");
        assert_eq!(second.established().certificate.as_ref(), Some(&issued.facts));
    }
}

#[tokio::test]
async fn bytes_behind_the_handshake_are_not_lost() {
    let (_dir, lab) = lab();
    let mut server = Server::start(lab.acceptor()).await;
    let trust = tls::ClientTrust::new(lab.ca_pem(), &crls(&lab)).unwrap().config().unwrap();
    let tcp = TcpStream::connect(server.address).await.unwrap();
    let name = rustls_pki_types::ServerName::try_from("localhost").unwrap();
    let mut session = tokio_rustls::TlsConnector::from(trust).connect(name, tcp).await.unwrap();
    session.write_all(b"a1 NOOP\r\n").await.unwrap();
    session.flush().await.unwrap();
    let mut greeting = String::new();
    session.read_to_string(&mut greeting).await.unwrap();
    assert_eq!(greeting.trim_end(), GREETING);
    drop(session); // without close_notify: read as an ordinary end
    assert_eq!(server.visit().await.said, b"a1 NOOP\r\n");
}

fn crls(lab: &Lab) -> Vec<Vec<u8>> {
    lab.crls().into_iter().map(|(_, der)| der).collect()
}

#[tokio::test]
async fn https_asks_for_no_certificate_and_agrees_on_http_1_1() {
    let (dir, lab) = lab();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let https = tokio_rustls::TlsAcceptor::from(lab.acceptor().https());
    let server = tokio::spawn(async move {
        let (tcp, _) = listener.accept().await.unwrap();
        let mut session = https.accept(tcp).await.unwrap();
        let _ = session.shutdown().await;
        session.get_ref().1.alpn_protocol().map(<[u8]>::to_vec)
    });
    let root = path(dir.path(), "root.pem");
    let output = openssl_ok(&[
        "s_client",
        "-connect",
        &address,
        "-CAfile",
        &root,
        "-verify_return_error",
        "-alpn",
        "h2,http/1.1",
        "-verify_hostname",
        "a.mail-tests-editeur.lab.example",
    ])
    .await;
    assert!(output.contains("No client certificate CA names sent"), "{output}");
    assert_eq!(server.await.unwrap().as_deref(), Some(&b"http/1.1"[..]));
}
