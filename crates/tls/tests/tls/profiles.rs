//! What the lab issues, read and verified by OpenSSL.

use crate::support::*;

#[tokio::test]
async fn openssl_verifies_both_chains_with_the_crls_and_sees_revocation() {
    let (dir, lab) = lab();
    let dir = dir.path();
    let issued = lab.issue_auth_cli("163254178", "SantéProMoins").unwrap();
    let client = put(dir, "client.pem", &issued.chain_pem);
    let [root, organisations, server] =
        ["root", "organisations", "server"].map(|name| path(dir, &format!("{name}.pem")));
    let verify = async |purpose: &str, leaf: &str| {
        let mut lists = String::new();
        for (name, der) in lab.crls() {
            let der = put(dir, &format!("check-{name}"), der);
            lists += &openssl_ok(&["crl", "-inform", "DER", "-in", &der]).await;
        }
        let lists = put(dir, "lists.pem", lists);
        text(
            &openssl(&[
                "verify",
                "-x509_strict",
                "-CAfile",
                &root,
                "-untrusted",
                &organisations,
                "-CRLfile",
                &lists,
                "-crl_check_all",
                "-purpose",
                purpose,
                leaf,
            ])
            .await,
        )
    };
    for (purpose, leaf) in [("sslserver", &server), ("sslclient", &client)] {
        let verdict = verify(purpose, leaf).await;
        assert!(verdict.ends_with(": OK\n"), "{verdict}");
    }
    let verdict = verify("sslserver", &client).await;
    assert!(verdict.contains("purpose"), "{verdict}");
    lab.revoke(&issued.facts.serial).unwrap();
    let verdict = verify("sslclient", &client).await;
    assert!(verdict.contains("certificate revoked"), "{verdict}");
    assert!(verify("sslserver", &server).await.ends_with(": OK\n"));
}

#[tokio::test]
async fn the_profiles_are_those_of_igc_sante() {
    let (dir, lab) = lab();
    let dir = dir.path();
    let issued = lab.issue_auth_cli("163254178", "SantéProMoins").unwrap();
    let client = put(dir, "client.pem", &issued.chain_pem);
    let show = async |file: &str| {
        openssl_ok(&["x509", "-in", file, "-noout", "-text", "-nameopt", "utf8,sep_comma_plus"]).await
    };

    let shown = show(&client).await;
    for expected in [
        "Signature Algorithm: sha256WithRSAEncryption",
        "Public-Key: (2048 bit)",
        "Subject: C=FR,ST=Paris (75),O=SantéProMoins,OU=163254178,CN=163254178",
        "Issuer: C=FR,O=VAGUEMESTRE LAB,OU=0002 000000000,OU=IGC-SANTE TEST LAB,CN=TEST AC IGC-SANTE ELEMENTAIRE ORGANISATIONS LAB",
        "X509v3 Key Usage: critical\n                Digital Signature\n",
        "X509v3 Extended Key Usage: \n                TLS Web Client Authentication\n",
        "URI:http://127.0.0.1:8804/CRL/ACI-EL-ORG-LAB.crl",
        "1.2.250.1.71.1.2.5",
        "CA:FALSE",
    ] {
        assert!(shown.contains(expected), "{expected} is not in {shown}");
    }

    let shown = show(&path(dir, "server.pem")).await;
    for expected in [
        "Digital Signature, Key Encipherment",
        "TLS Web Server Authentication, TLS Web Client Authentication",
        "DNS:*.mail-tests-editeur.lab.example",
        "DNS:mail-tests-editeur.lab.example",
        "DNS:localhost",
        "IP Address:127.0.0.1",
        "IP Address:0:0:0:0:0:0:0:1",
        "URI:http://127.0.0.1:8804/CRL/ACI-EL-ORG-LAB.crl",
    ] {
        assert!(shown.contains(expected), "{expected} is not in {shown}");
    }

    let shown = show(&path(dir, "organisations.pem")).await;
    for expected in [
        "Public-Key: (3072 bit)",
        "CA:TRUE, pathlen:0",
        "Certificate Sign, CRL Sign",
        "URI:http://127.0.0.1:8804/CRL/ACR-EL-LAB.crl",
        "Issuer: C=FR,O=VAGUEMESTRE LAB,OU=0002 000000000,OU=IGC-SANTE TEST LAB,CN=TEST AC RACINE IGC-SANTE ELEMENTAIRE LAB",
    ] {
        assert!(shown.contains(expected), "{expected} is not in {shown}");
    }
    for (name, der) in lab.ca_certificates() {
        let file = put(dir, &name, der);
        openssl_ok(&["x509", "-inform", "DER", "-in", &file, "-noout"]).await;
    }
}

#[tokio::test]
async fn lives_serials_and_the_private_extension() {
    let (dir, lab) = lab();
    let issued = lab.issue_auth_cli("163254178", "S").unwrap();
    let days = |facts: &wire::CertificateFacts| {
        let [start, end] =
            [&facts.not_before, &facts.not_after].map(|text| text.parse::<kernel::Timestamp>().unwrap());
        (end.as_second() - start.as_second()) as f64 / 86_400.0
    };
    let server = lab.server_certificate().unwrap();
    assert!(days(&server) > 390.0 && days(&server) <= 398.0, "{}", days(&server));
    assert!((days(&issued.facts) - 1_095.0).abs() < 0.1, "{}", days(&issued.facts));
    let start: kernel::Timestamp = issued.facts.not_before.parse().unwrap();
    let backdated = kernel::Clock::system().now().as_second() - start.as_second();
    assert!((3_600..3_660).contains(&backdated), "{backdated}");
    assert_eq!(issued.facts.serial.len(), 32);

    // OCTET STRING 0x83, inside the extension's own OCTET STRING.
    let client = put(dir.path(), "client.pem", &issued.chain_pem);
    let asn1 = openssl_ok(&["asn1parse", "-in", &client]).await;
    let mut lines = asn1.lines().skip_while(|line| !line.contains("1.2.250.1.71.1.2.5"));
    assert!(lines.nth(1).unwrap().ends_with("[HEX DUMP]:040183"), "{asn1}");
}

#[tokio::test]
async fn the_crls_are_of_version_2_with_a_number_and_seven_days() {
    let (dir, lab) = lab();
    let issued = lab.issue_auth_cli("163254178", "S").unwrap();
    lab.revoke(&issued.facts.serial.to_uppercase()).unwrap();
    let names: Vec<_> = lab.crls().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["ACR-EL-LAB.crl", "ACI-EL-ORG-LAB.crl"]);
    for (name, der) in lab.crls() {
        let file = put(dir.path(), &format!("check-{name}"), der);
        let shown =
            openssl_ok(&["crl", "-inform", "DER", "-in", &file, "-noout", "-text", "-dateopt", "iso_8601"])
                .await;
        for expected in [
            "Version 2 (0x1)",
            "sha256WithRSAEncryption",
            "X509v3 CRL Number",
            "X509v3 Authority Key Identifier",
        ] {
            assert!(shown.contains(expected), "{expected} is not in {shown}");
        }
        let revoked = shown.contains(&format!("Serial Number: {}", issued.facts.serial.to_uppercase()));
        assert_eq!(revoked, name == "ACI-EL-ORG-LAB.crl", "{shown}");
    }
}
