//! Every fault of the TLS lab, suffered by OpenSSL and by our own connector's verifier.

use std::collections::BTreeSet;

use tls::{BadClient, BadServer, ClientCertificates, ClientTrust, Expected, Lab};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use wire::{Fact, tls_fault};

use crate::support::*;

/// The lab's second name.
const HOST: &str = "mail-tests-editeur.lab.example";

/// What the server stated besides the outcome: the ClientHello and which fault was shown.
fn check_note(visit: &Visit, fault: BadServer) {
    assert!(matches!(&visit.facts[0], Fact::ClientHello { .. }), "{:?}", visit.facts);
    match &visit.facts[1] {
        Fact::Note { text } => assert_eq!(tls_fault::name(text), Some(fault.name()), "{text}"),
        other => panic!("{}: {other:?}", fault.name()),
    }
}

async fn serve(lab: &Lab, fault: BadServer) -> Server {
    Server::start(lab.bad_acceptor(fault).unwrap()).await
}

#[tokio::test]
async fn openssl_names_each_fault_of_a_certificate() {
    use BadServer as B;
    let (dir, lab) = lab();
    let dir = dir.path();
    let root = path(dir, "root.pem");
    for fault in [B::StaleCrl, B::Revoked, B::CrlUnreachable] {
        lab.bad_acceptor(fault).unwrap();
    }
    let crl = |name: &str| {
        let all = lab.crls().into_iter().chain(lab.bad_crls());
        put(dir, name, all.into_iter().find(|(known, _)| known == name).unwrap().1)
    };
    let [healthy, stale] = [crl("ACI-EL-ORG-LAB.crl"), crl("ACI-EL-ORG-2-LAB.crl")];
    assert!(lab.bad_crls().iter().all(|(name, _)| !name.contains("EL-ORG-3")), "nothing answers there");
    let with_crl = |file| ["-crl_check", "-CRLform", "DER", "-CRL", file];
    let unknown = "unable to get local issuer certificate";
    for (fault, arguments, error, alert) in [
        (B::Expired, &[][..], "certificate has expired", "CertificateExpired"),
        (B::NotYetValid, &[], "certificate is not yet valid", "BadCertificate"),
        (B::WrongHost, &["-verify_hostname", "localhost"], "hostname mismatch", ""),
        (B::UnknownCa, &[], unknown, "UnknownCA"),
        (B::SelfSigned, &[], "self-signed certificate", "UnknownCA"),
        (B::MissingIntermediate, &[], unknown, "UnknownCA"),
        (B::ClientAuthOnly, &[], "unsuitable certificate purpose", "UnsupportedCertificate"),
        (B::Revoked, &with_crl(&healthy), "certificate revoked", "CertificateRevoked"),
        (B::StaleCrl, &with_crl(&stale), "CRL has expired", ""),
        (B::CrlUnreachable, &with_crl(&healthy), "unable to get certificate CRL", ""),
        (B::WeakKey, &[], "EE certificate key too weak", ""),
        (B::Sha1, &[], "CA signature digest algorithm too weak", ""),
        (B::GammeStandard, &[], unknown, "UnknownCA"),
        (B::GammeFort, &[], unknown, "UnknownCA"),
        (B::ProductionName, &[], unknown, "UnknownCA"),
        (B::TestName, &[], unknown, "UnknownCA"),
    ] {
        let mut server = serve(&lab, fault).await;
        let base = ["-CAfile", &root, "-verify_return_error", "-cipher", "DEFAULT:@SECLEVEL=2"];
        let (output, visit) = server.s_client(&[&base[..], arguments].concat()).await;
        assert!(output.contains(error), "{}: {output}", fault.name());
        assert!(!output.contains(GREETING), "{}: {output}", fault.name());
        check_note(&visit, fault);
        assert!(visit.failure().0.contains(alert), "{}: {}", fault.name(), visit.failure().0);
    }

    // What OpenSSL lets pass, and why it is bad nevertheless.
    for (fault, arguments, shown) in [
        (B::NameInCnOnly, &["-verify_hostname", HOST][..], format!("CN = {HOST}")),
        (B::RevokedOcsp, &with_crl(&healthy), "OK".into()),
        (B::DomainePersonnes, &[], "TEST AC IGC-SANTE ELEMENTAIRE PERSONNES LAB".into()),
    ] {
        let mut server = serve(&lab, fault).await;
        let base = ["-CAfile", &root, "-verify_return_error"];
        let (output, visit) = server.s_client(&[&base[..], arguments].concat()).await;
        assert!(output.contains("Verify return code: 0 (ok)"), "{}: {output}", fault.name());
        assert!(output.contains(&shown) && output.contains(GREETING), "{}: {output}", fault.name());
        check_note(&visit, fault);
        visit.established();
    }
}

#[tokio::test]
async fn the_certificates_are_what_they_claim_to_be() {
    let (dir, lab) = lab();
    let dir = dir.path();
    let read = async |fault| {
        let mut server = serve(&lab, fault).await;
        let (output, _) = server.s_client(&["-cipher", "DEFAULT:@SECLEVEL=0", "-showcerts"]).await;
        let file = put(dir, fault.name(), &output);
        (
            openssl_ok(&["x509", "-in", &file, "-noout", "-text", "-nameopt", "utf8,sep_comma_plus"]).await,
            output,
        )
    };
    let names = "DNS:*.mail-tests-editeur.lab.example, DNS:localhost";
    let (shown, _) = read(BadServer::WeakKey).await;
    assert!(shown.contains("Public-Key: (1024 bit)") && shown.contains(names), "{shown}");
    let (shown, _) = read(BadServer::Sha1).await;
    assert_eq!(shown.matches("sha1WithRSAEncryption").count(), 2, "{shown}");
    assert!(shown.contains(names), "{shown}");
    let (shown, _) = read(BadServer::NameInCnOnly).await;
    assert!(!shown.contains("Subject Alternative Name"), "{shown}");
    let (shown, _) = read(BadServer::RevokedOcsp).await;
    assert!(shown.contains("OCSP - URI:http://127.0.0.1:8804/OCSP"), "{shown}");
    let (shown, chain) = read(BadServer::MissingIntermediate).await;
    assert!(shown.contains("CA Issuers - URI:http://127.0.0.1:8804/AC/ACI-EL-ORG-LAB.cer"), "{shown}");
    assert_eq!(chain.matches("BEGIN CERTIFICATE").count(), 1, "the leaf alone: {chain}");
    let (shown, _) = read(BadServer::CrlUnreachable).await;
    assert!(shown.contains("URI:http://127.0.0.1:9/CRL/ACI-EL-ORG-3-LAB.crl"), "{shown}");
    let (shown, _) = read(BadServer::ProductionName).await;
    assert!(
        shown.contains("OU=0002 187512751,OU=IGC-SANTE,CN=AC IGC-SANTE ELEMENTAIRE ORGANISATIONS"),
        "{shown}"
    );
    let (shown, _) = read(BadServer::TestName).await;
    assert!(shown.contains("OU=IGC-SANTE TEST,CN=TEST AC IGC-SANTE ELEMENTAIRE ORGANISATIONS"), "{shown}");

    // The signature of SHA-1 is one of the authority's real key: OpenSSL takes it where it is told to take SHA-1.
    let [root, organisations, sha1] =
        [path(dir, "root.pem"), path(dir, "organisations.pem"), path(dir, BadServer::Sha1.name())];
    let verify = ["verify", "-CAfile", &root, "-untrusted", &organisations, "-auth_level"];
    openssl_ok(&[&verify[..], &["0", &sha1]].concat()).await;
    assert!(!openssl(&[&verify[..], &["2", &sha1]].concat()).await.status.success());
    // A second use shows the same certificate.
    let again = read(BadServer::Expired).await.0;
    assert_eq!(read(BadServer::Expired).await.0, again);
}

#[tokio::test]
async fn openssl_meets_each_version_and_suite() {
    use BadServer as B;
    let (dir, lab) = lab();
    let root = path(dir.path(), "root.pem");
    let base = ["-CAfile", root.as_str(), "-verify_return_error"];
    for (fault, works, fails) in [(B::Tls12Only, "-tls1_2", "-tls1_3"), (B::Tls13Only, "-tls1_3", "-tls1_2")]
    {
        let mut server = serve(&lab, fault).await;
        let (output, visit) = server.s_client(&[&base[..], &[works]].concat()).await;
        assert!(output.contains("Verify return code: 0 (ok)") && output.contains(GREETING), "{output}");
        check_note(&visit, fault);
        visit.established();
        let (output, visit) = server.s_client(&[&base[..], &[fails]].concat()).await;
        assert!(output.contains("alert protocol version"), "{output}");
        assert!(visit.failure().0.contains("no TLS version in common"), "{:?}", visit.failure());
    }
    let took = "ClientKeyExchange";
    for (fault, arguments, begins, contains) in [
        (B::Tls11Only, &["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"][..], wire::old_tls::ACCEPTED, took),
        (B::Tls11Only, &["-min_protocol", "TLSv1.2"], wire::old_tls::REFUSED, "protocol_version"),
        (B::Tls10Only, &["-tls1", "-cipher", "ALL:@SECLEVEL=0"], tls_fault::ACCEPTED, took),
        (B::Tls10Only, &["-min_protocol", "TLSv1.2"], tls_fault::REFUSED, "protocol_version"),
        (B::CbcOnly, &["-tls1_2", "-cipher", "ECDHE-RSA-AES256-SHA384"], tls_fault::ACCEPTED, took),
        (B::CbcOnly, &["-cipher", "AES128-SHA256"], tls_fault::ACCEPTED, took),
        (B::CbcOnly, &["-cipher", "ECDHE-RSA-AES128-SHA", "-groups", "X25519"], tls_fault::ACCEPTED, took),
        (B::CbcOnly, &["-cipher", "ECDHE+AESGCM"], tls_fault::REFUSED, "aucune"),
        (B::DheOnly, &["-tls1_2", "-cipher", "DHE-RSA-AES256-GCM-SHA384"], tls_fault::ACCEPTED, took),
        (
            B::DheOnly,
            &["-cipher", "DHE-RSA-CHACHA20-POLY1305"],
            tls_fault::ACCEPTED,
            "TLS_DHE_RSA_WITH_CHACHA20",
        ),
        (B::DheOnly, &["-cipher", "ECDHE+AESGCM"], tls_fault::REFUSED, "aucune"),
        (B::WeakSuitesOnly, &["-cipher", "NULL-SHA256:@SECLEVEL=0"], tls_fault::ACCEPTED, "NULL"),
        (B::WeakSuitesOnly, &["-tls1_2"], tls_fault::REFUSED, "aucune"),
        (B::WeakSuitesOnly, &[], tls_fault::REFUSED, "aucune"),
    ] {
        let mut server = serve(&lab, fault).await;
        let (output, visit) = server.s_client(arguments).await;
        check_note(&visit, fault);
        let reason = visit.failure().0;
        assert!(reason.starts_with(begins), "{} {arguments:?}: {reason}\n{output}", fault.name());
        assert!(reason.contains(contains), "{} {arguments:?}: {reason}\n{output}", fault.name());
    }
}

#[tokio::test]
async fn our_own_verifier_refuses_what_it_must_and_nothing_else() {
    let (_dir, lab) = lab();
    let mut servers = Vec::new();
    for fault in BadServer::ALL {
        servers.push((fault, serve(&lab, fault).await));
    }
    let crls: Vec<_> = lab.crls().into_iter().chain(lab.bad_crls()).map(|(_, der)| der).collect();
    let config = ClientTrust::new(lab.ca_pem(), &crls).unwrap().config().unwrap();
    for (fault, mut server) in servers {
        let tcp = TcpStream::connect(server.address).await.unwrap();
        let name = rustls_pki_types::ServerName::try_from(HOST).unwrap();
        let connected = tokio_rustls::TlsConnector::from(config.clone()).connect(name, tcp).await;
        let (accepted, error) = match connected {
            Ok(mut session) => {
                let mut greeting = Vec::new();
                match session.read_to_end(&mut greeting).await {
                    Ok(_) => assert!(greeting.starts_with(GREETING.as_bytes()), "{}", fault.name()),
                    // Only a server that wants our certificate ends it after a TLS 1.3 handshake.
                    Err(error) => assert_eq!(fault, BadServer::CertificateRequired, "{error}"),
                }
                (true, String::new())
            }
            Err(error) => {
                let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
                (false, inner.map_or_else(|| error.to_string(), tls::explain))
            }
        };
        match fault.expected() {
            Expected::Refuse => assert!(!accepted, "{}", fault.name()),
            Expected::Accept => assert!(accepted, "{}: {error}", fault.name()),
            Expected::Either => {}
        }
        check_note(&server.visit().await, fault);
        let wanted = match fault {
            BadServer::DomainePersonnes => "ELEMENTAIRE PERSONNES",
            BadServer::GammeStandard => "STANDARD ORGANISATIONS",
            BadServer::GammeFort => "FORT ORGANISATIONS",
            BadServer::ProductionName | BadServer::TestName => "does not lead to",
            BadServer::Revoked => "is revoked",
            BadServer::StaleCrl => "the CRL is stale",
            BadServer::CrlUnreachable => "no CRL of",
            BadServer::Expired => "expired on",
            BadServer::NotYetValid => "not valid before",
            BadServer::WrongHost | BadServer::NameInCnOnly => "does not carry the name",
            _ => "",
        };
        assert!(error.contains(wanted), "{}: {error}", fault.name());
    }
}

#[tokio::test]
async fn client_certificates_are_asked_for_as_told() {
    use BadServer as B;
    let (dir, lab) = lab();
    let dir = dir.path();
    let root = path(dir, "root.pem");
    let issued = lab.issue_auth_cli("163254178", "SantéProMoins").unwrap();
    let ours = ClientFiles::new(dir, "ours", &issued);
    let foreign = lab.issue_bad_client(BadClient::Foreign, "163254178", "SantéProMoins").unwrap();
    let foreign = ClientFiles::new(dir, "foreign", &foreign);
    let ask = async |fault, certificate: &[&str]| {
        let mut server = serve(&lab, fault).await;
        let base = ["-CAfile", root.as_str()];
        let (output, visit) = server.s_client(&[&base[..], certificate].concat()).await;
        check_note(&visit, fault);
        (output, visit)
    };
    let (output, visit) = ask(B::CertificateRequired, &[]).await;
    assert!(output.contains("certificate required") && !output.contains(GREETING), "{output}");
    assert!(visit.failure().0.contains("no certificate"), "{:?}", visit.failure());
    let (output, visit) = ask(B::CertificateRequired, &ours.full()).await;
    assert!(output.contains(GREETING), "{output}");
    assert_eq!(visit.established().certificate.as_ref().unwrap().serial, issued.facts.serial);

    let (output, visit) = ask(B::NoClientCertificate, &ours.full()).await;
    assert!(output.contains("No client certificate CA names sent") && output.contains(GREETING), "{output}");
    assert_eq!(visit.established().certificate, None);

    let (_, visit) = ask(B::ForeignClientCa, &ours.full()).await;
    assert!(visit.failure().0.contains("does not lead to"), "{:?}", visit.failure());
    let (output, visit) = ask(B::ForeignClientCa, &[]).await;
    visit.established();
    let named = output.split("Acceptable client certificate CA names").nth(1).expect("names are sent");
    let named = named.split("Requested Signature").next().unwrap();
    assert!(named.contains("CN = AC SANS RAPPORT LAB") && !named.contains("ELEMENTAIRE"), "{named}");
    ask(B::ForeignClientCa, &foreign.full()).await.1.established();

    let (output, visit) = ask(B::SeveralClientCas, &ours.full()).await;
    for name in ["AC SANS RAPPORT LAB", "IGC-SANTE STANDARD", "CN = TEST AC RACINE IGC-SANTE ELEMENTAIRE LAB"]
    {
        assert!(output.contains(name), "{name}: {output}");
    }
    assert_eq!(visit.established().certificate.as_ref().unwrap().serial, issued.facts.serial);

    // The same choice without any fault.
    let required = lab.acceptor().with_client_certificates(ClientCertificates::Required);
    let mut server = Server::start(required).await;
    let (output, visit) = server.s_client(&["-tls1_2"]).await;
    assert!(output.contains("alert certificate required"), "{output}");
    assert_eq!(visit.facts.len(), 2, "{:?}", visit.facts);
}

#[tokio::test]
async fn bad_client_certificates_are_refused_for_their_reason() {
    let (dir, lab) = lab();
    let mut server = Server::start(lab.acceptor()).await;
    for (kind, reason) in [
        (BadClient::Foreign, "does not lead to the given anchors"),
        (BadClient::Expired, "expired on"),
        (BadClient::Revoked, "revoked"),
        (BadClient::ServerAuthOnly, "not meant for this purpose"),
    ] {
        let issued = lab.issue_bad_client(kind, "163254178", "SantéProMoins").unwrap();
        let files = ClientFiles::new(dir.path(), kind.name(), &issued);
        let (output, visit) = server.s_client(&files.full()).await;
        assert!(!output.contains(GREETING), "{output}");
        let (told, certificate) = visit.failure();
        assert!(told.contains(reason), "{}: {told}", kind.name());
        assert_eq!(certificate.unwrap().serial, issued.facts.serial);
    }
    let other = lab.issue_bad_client(BadClient::OtherProduct, "163254178", "SantéProMoins").unwrap();
    assert_ne!(other.facts.common_name, "163254178");
    let files = ClientFiles::new(dir.path(), "other", &other);
    let (_, visit) = server.s_client(&files.full()).await;
    assert_eq!(visit.established().certificate.as_ref().unwrap().common_name, other.facts.common_name);
    let name = other.facts.common_name;
    let again = lab.issue_bad_client(BadClient::OtherProduct, &name, "S").unwrap();
    assert_ne!(again.facts.common_name, name, "another product's is never one's own");
}

#[tokio::test]
async fn openssl_asks_our_ocsp_responder() {
    let (dir, lab) = lab();
    let dir = dir.path();
    let [root, organisations, healthy] =
        ["root", "organisations", "server"].map(|name| path(dir, &format!("{name}.pem")));
    let mut server = serve(&lab, BadServer::RevokedOcsp).await;
    let (output, _) = server.s_client(&[]).await;
    let secretly = put(dir, "ocsp.pem", output);
    let mut server = serve(&lab, BadServer::Revoked).await;
    let (output, _) = server.s_client(&[]).await;
    let openly = put(dir, "crl.pem", output);
    let request = path(dir, "request.der");
    let ask = async |arguments: &[&str]| {
        let write =
            [&["ocsp", "-no_nonce", "-issuer", &organisations, "-reqout", &request], arguments].concat();
        openssl_ok(&write).await;
        let answer = lab.ocsp(&std::fs::read(&request).unwrap()).unwrap();
        let response = put(dir, "response.der", &answer.der);
        let read = ["ocsp", "-no_nonce", "-issuer", &organisations, "-CAfile", &root, "-respin", &response];
        (openssl_ok(&[&read[..], arguments].concat()).await, answer.told)
    };
    for (certificate, status) in [(&healthy, "good"), (&secretly, "revoked"), (&openly, "revoked")] {
        let (output, told) = ask(&["-cert", certificate]).await;
        assert!(output.contains("Response verify OK"), "{output}");
        assert!(output.contains(&format!("{certificate}: {status}")), "{output}");
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].1, status);
    }
    // By SHA-256, several at once.
    let (output, told) = ask(&["-sha256", "-cert", &healthy, "-sha256", "-cert", &secretly]).await;
    assert!(output.contains("server.pem: good") && output.contains("ocsp.pem: revoked"), "{output}");
    assert_eq!(told.iter().map(|(_, status)| *status).collect::<Vec<_>>(), ["good", "revoked"]);
    // An authority's certificate is the root's to speak of.
    // (This request has a nonce, and the answer is held against it.)
    let write = ["ocsp", "-issuer", &root, "-cert", &organisations, "-reqout", &request];
    openssl_ok(&write).await;
    let answer = lab.ocsp(&std::fs::read(&request).unwrap()).unwrap();
    assert_eq!(answer.told[0].1, "good");
    let response = put(dir, "response.der", &answer.der);
    let read = ["ocsp", "-reqin", &request, "-respin", &response, "-CAfile", &root, "-verify_other", &root];
    let output = openssl_ok(&read).await;
    assert!(output.contains("Response verify OK") && !output.contains("WARNING"), "{output}");
    // What is no request gets an answer that says so; another authority's certificate is not ours to judge.
    for garbage in [&b""[..], b"\x30\x00", b"GET / HTTP/1.1", &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]] {
        let answer = lab.ocsp(garbage).unwrap();
        assert_eq!(answer.der, [0x30, 3, 0x0a, 1, 1]);
        assert!(answer.told.is_empty());
    }
    let (_other_dir, other) = crate::support::lab();
    let stranger = put(dir, "stranger.pem", other.ca_pem());
    openssl_ok(&["ocsp", "-issuer", &stranger, "-cert", &healthy, "-reqout", &request]).await;
    assert_eq!(lab.ocsp(&std::fs::read(&request).unwrap()).unwrap().told[0].1, "unknown");
}

#[test]
fn every_fault_is_met_by_openssl_above() {
    let source = include_str!("bad.rs");
    let witnessed: BTreeSet<_> =
        BadServer::ALL.into_iter().filter(|fault| source.contains(&format!("(B::{fault:?}, "))).collect();
    assert_eq!(witnessed.len(), BadServer::ALL.len(), "{witnessed:?}");
}
