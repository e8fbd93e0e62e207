//! Autoconfiguration (SC.MSS/CONF.04): the sandbox's DNS, as `up` announces it, as `dig` reads it, and as the product's
//! own LPS follows it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, UdpSocket};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use testkit::Lab;

use crate::{PROGRAM, lab, lab_with_product};

const MAIL: &str = "mail-tests-editeur.vaguemestre.test";

/// What dig says in short; `None`, said, where it is not installed.
fn dig(lab: &Lab, words: &[&str]) -> Option<String> {
    let port = lab.up()["dns"]["port"].to_string();
    let mut dig = Command::new("dig");
    dig.args(["@127.0.0.1", "-p", &port, "+short", "+tries=1", "+time=3"]).args(words);
    let Ok(output) = dig.output() else {
        println!("SKIP dig: not installed");
        return None;
    };
    Some(String::from_utf8(output.stdout).unwrap().trim_end().to_owned())
}

#[test]
fn the_dns_of_up_says_where_its_servers_are_and_keeps_its_port() {
    let mut lab = lab();
    let up = lab.up().clone();
    assert_eq!(up["dns"]["host"], "127.0.0.1");
    assert_eq!(up["dns"]["domains"], json!(["vaguemestre.test"]));
    for (service, port, host) in [
        ("_imap", &up["imap"]["starttls"], "imap"),
        ("_imaps", &up["imap"]["tls"], "imap"),
        ("_submission", &up["smtp"]["starttls"], "smtp"),
        ("_submissions", &up["smtp"]["tls"], "smtp"),
    ] {
        for over in ["+notcp", "+tcp"] {
            let Some(said) = dig(&lab, &[over, &format!("{service}._tcp.{MAIL}"), "SRV"]) else { return };
            assert_eq!(said, format!("0 1 {port} {host}.{MAIL}."));
        }
    }
    assert_eq!(dig(&lab, &[&format!("imap.{MAIL}"), "A"]).unwrap(), "127.0.0.1");
    assert_eq!(dig(&lab, &[&format!("imap.{MAIL}"), "AAAA"]).unwrap(), "", "nobody listens on ::1");
    assert_eq!(lab.stop(), 0);
    lab.start_again();
    assert_eq!(lab.up()["dns"], up["dns"]);
}

#[test]
fn the_lps_finds_its_servers_from_the_address_alone() {
    let (lab, product) = lab_with_product();
    let request = |dns: &Value| {
        json!({"protocol":1,"run":1,"job":"-","step":"login","deadline_ms":20_000,"work_dir":lab.scratch(),
            "mailbox":{"type":"PER","address":product.per},"imap":{},"smtp":{},"ca_file":lab.up()["ca_file"],
            "crl_urls":lab.up()["crl_urls"],"dns":dns,"directory":null,"psc":null,
            "auth":{"mechanism":"xoauth2","user":product.per,"access_token":lab.token(&product.identity),"refresh":null},
            "nil":product.nil,"expect_refusal":false,"message":null})
    };
    let perform = |request: Value| -> Value {
        let mut lps = Command::new(PROGRAM);
        lps.arg("lps-adapter").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut lps = lps.spawn().unwrap();
        lps.stdin.take().unwrap().write_all(request.to_string().as_bytes()).unwrap();
        serde_json::from_slice(&lps.wait_with_output().unwrap().stdout).unwrap()
    };
    let done = perform(request(&lab.up()["dns"]));
    assert_eq!(done["outcome"], "done", "{done}");
    assert_eq!(done["detail"], "logged in and out: IMAP, SMTP");
    let without = perform(request(&Value::Null));
    assert_eq!(without["outcome"], "error", "nothing is guessed: {without}");
    // A DNS that nobody runs.
    let nobody = UdpSocket::bind("127.0.0.1:0").unwrap();
    let silent = perform(request(&json!({"host": "127.0.0.1", "port": nobody.local_addr().unwrap().port()})));
    assert_eq!(silent["outcome"], "error", "{silent}");
    assert!(silent["detail"].as_str().unwrap().contains("no DNS server answers in time"), "{silent}");
}

#[test]
fn a_person_is_told_the_line_for_each_system_and_a_taken_port_its_holder() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().display().to_string();
    let (held, taken) = free_port();
    let up = ["up", "--data", &data, "--ports", "auto"];
    let refused = Command::new(PROGRAM).args(up).args(["--dns-port", &taken, "--json"]).output().unwrap();
    let error: Value = serde_json::from_slice(&refused.stdout).unwrap();
    assert_eq!(
        (refused.status.code(), error["error"]["code"].as_str()),
        (Some(2), Some("port_in_use")),
        "{error}"
    );
    assert_eq!(error["error"]["detail"]["service"], "dns");
    assert!(error["error"]["next"].as_str().unwrap().contains("--dns-port"), "{error}");
    drop(held);

    let mut up = Command::new(PROGRAM)
        .args(up)
        .args(["--lang", "en"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut text = String::new();
    for line in BufReader::new(up.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        text.push_str(&line);
        text.push('\n');
        if line.contains("Ctrl-C") {
            break;
        }
    }
    up.kill().unwrap();
    up.wait().unwrap();
    for part in [
        format!("127.0.0.1:{taken}"),
        format!("DNS=127.0.0.1:{taken}\\nDomains=~vaguemestre.test\\n"),
        format!("server=/vaguemestre.test/127.0.0.1#{taken}"),
        format!("nameserver 127.0.0.1\\nport {taken}\\n"),
        "Add-DnsClientNrptRule -Namespace \".vaguemestre.test\" -NameServers \"127.0.0.1\"".into(),
        "--dns 127.0.0.1".into(),
        "start again with --dns-port 53".into(),
    ] {
        assert!(text.contains(&part), "{part} in:\n{text}");
    }
}

/// A port free for datagrams and streams, held for datagrams, below those that systems hand out by themselves: nobody
/// else takes it between its release and the start of `up`.
fn free_port() -> (UdpSocket, String) {
    let first = 20_000 + u16::try_from(std::process::id() % 10_000).unwrap();
    (first..first + 1_000)
        .find_map(|port| {
            let held = UdpSocket::bind(("127.0.0.1", port)).ok()?;
            TcpListener::bind(("127.0.0.1", port)).ok()?;
            Some((held, port.to_string()))
        })
        .expect("one free port in a thousand")
}
