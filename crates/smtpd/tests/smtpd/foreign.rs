//! Clients that other people wrote: Python's smtplib, curl, msmtp.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;
use wire::{AuthOutcome, Fact};

use crate::lab::{APP, Lab, PER, TOKEN, contains};

/// What follows the From field.
const MESSAGE: &str = "To: y@bal.lab\r\nSubject: foreign\r\nX-MSS-NIL: 2621\r\n\r\n.dot\r\nfin\r\n";

/// Arguments: port, `starttls` or `tls`, CA file, sender, recipient, mechanism, initial response allowed, token or
/// certificate file, key file.
const SMTPLIB: &str = r#"
import smtplib, ssl, sys
port, security, ca, sender, to, mechanism, initial, secret, key = sys.argv[1:]
context = ssl.create_default_context(cafile=ca)
if mechanism == "EXTERNAL":
    context.load_cert_chain(secret, key)
if security == "tls":
    server = smtplib.SMTP_SSL("localhost", int(port), timeout=10, context=context)
else:
    server = smtplib.SMTP("localhost", int(port), timeout=10)
    server.ehlo()
    assert not server.has_extn("auth"), "AUTH offered in clear"
    server.starttls(context=context)
server.ehlo()
assert mechanism in server.esmtp_features["auth"].split(), server.esmtp_features
response = sender if mechanism == "EXTERNAL" else f"user={sender}\x01auth=Bearer {secret}\x01\x01"
def answer(challenge=None):
    return "" if challenge else response
try:
    print(*server.auth(mechanism, answer, initial_response_ok=initial == "yes"))
except smtplib.SMTPAuthenticationError as error:
    print("refused", error.smtp_code, error.smtp_error.decode())
    sys.exit(3)
data = f"From: Dr Test <{sender}>\r\nTo: y@bal.lab\r\nSubject: foreign\r\nX-MSS-NIL: 2621\r\n\r\n.dot\r\nfin\r\n".encode()
options = (["RET=HDRS", "ENVID=py-1"], ["NOTIFY=SUCCESS,FAILURE"]) if server.has_extn("dsn") else ([], [])
print(server.sendmail(sender, [to], data, *options))
server.quit()
"#;

async fn run(command: &mut Command) -> (Option<i32>, String) {
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let output = timeout(Duration::from_secs(30), child.output()).await.expect("it ends").unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&text).into_owned())
}

fn python(arguments: &[&str]) -> Command {
    let mut command = Command::new("python3");
    command.args(["-c", SMTPLIB]).args(arguments);
    command
}

async fn assert_delivered(lab: &Lab, address: &str, count: usize) {
    let inbox = lab.inbox(address).await;
    assert_eq!(inbox.len(), count);
    assert!(inbox.iter().all(|message| message.ends_with(MESSAGE.as_bytes())));
}

#[tokio::test]
async fn smtplib_sends_with_a_token() {
    let lab = Lab::new().await;
    let ca = lab.dir.join("ca.pem").display().to_string();
    let (clear, tls) = (lab.starttls.port().to_string(), lab.tls.port().to_string());
    for (port, security, initial) in
        [(&clear, "starttls", "no"), (&clear, "starttls", "yes"), (&tls, "tls", "no")]
    {
        let arguments = [port, security, &ca, PER, APP, "XOAUTH2", initial, TOKEN, ""];
        let (code, output) = run(&mut python(&arguments)).await;
        assert_eq!(code, Some(0), "{output}");
        assert!(output.starts_with("235 b'2.7.0 Authentication successful'"), "{output}");
    }
    assert_delivered(&lab, APP, 3).await;
    // smtplib asked to be told: three notices.
    let notices = lab.inbox(PER).await;
    assert_eq!(notices.len(), 3);
    assert!(notices.iter().all(|notice| contains(notice, b"Original-Envelope-Id: py-1\r\n")));
    lab.assert_no_leak(TOKEN).await;
}

#[tokio::test]
async fn smtplib_is_refused_with_a_bad_token() {
    let lab = Lab::new().await;
    let ca = lab.dir.join("ca.pem").display().to_string();
    let port = lab.starttls.port().to_string();
    for initial in ["no", "yes"] {
        let arguments = [&port, "starttls", &ca, PER, APP, "XOAUTH2", initial, "not.the.token", ""];
        let (code, output) = run(&mut python(&arguments)).await;
        assert_eq!(code, Some(3), "{output}");
        assert!(output.starts_with("refused 535 5.7.8"), "{output}");
    }
    assert_delivered(&lab, APP, 0).await;
}

#[tokio::test]
async fn smtplib_sends_with_a_certificate() {
    let lab = Lab::new().await;
    let ca = lab.dir.join("ca.pem").display().to_string();
    let (chain, key) = lab.certificate();
    let (chain, key) = (chain.display().to_string(), key.display().to_string());
    for (port, security) in [(lab.starttls.port(), "starttls"), (lab.tls.port(), "tls")] {
        let port = port.to_string();
        let arguments = [&port, security, &ca, APP, PER, "EXTERNAL", "yes", &chain, &key];
        let (code, output) = run(&mut python(&arguments)).await;
        assert_eq!(code, Some(0), "{output}");
    }
    assert_delivered(&lab, PER, 2).await;
    assert_eq!(lab.inbox(APP).await.len(), 2); // the notices
    let auth = lab.wait_for(|fact| matches!(fact, Fact::Auth { .. })).await;
    let Fact::Auth { auth } = auth else { unreachable!() };
    assert!(auth.certificate_serial.is_some() && auth.tls && auth.user == APP);
    assert_eq!(auth.outcome, AuthOutcome::Accepted { mailbox: APP.into(), identity: "163254178".into() });
}

#[tokio::test]
async fn curl_sends_with_a_token() {
    let lab = Lab::new().await;
    let file = write_message(&lab.dir, PER);
    for (url, more) in [
        (format!("smtp://localhost:{}/curl.lab", lab.starttls.port()), "--ssl-reqd"),
        (format!("smtps://localhost:{}/curl.lab", lab.tls.port()), "--sasl-ir"),
    ] {
        let mut curl = Command::new("curl");
        curl.args(["-sS", "--max-time", "20", more, "--url", &url, "--mail-from", PER, "--mail-rcpt", APP])
            .args(["--user", PER, "--oauth2-bearer", TOKEN, "--login-options", "AUTH=XOAUTH2"])
            .arg("--cacert")
            .arg(lab.dir.join("ca.pem"))
            .arg("--upload-file")
            .arg(&file);
        let (code, output) = run(&mut curl).await;
        assert_eq!(code, Some(0), "{output}");
    }
    assert_delivered(&lab, APP, 2).await;
    assert!(
        lab.facts()
            .await
            .iter()
            .any(|fact| matches!(fact, Fact::Greeting { name, .. } if name == "curl.lab"))
    );
}

#[tokio::test]
async fn msmtp_sends_with_a_token_and_with_a_certificate() {
    if std::process::Command::new("msmtp").arg("--version").output().is_err() {
        println!("SKIP msmtp: not installed");
        return;
    }
    let lab = Lab::new().await;
    let (chain, key) = lab.certificate();
    let common = format!(
        "host localhost\ntls on\ntls_trust_file {}\ndomain msmtp.lab\n",
        lab.dir.join("ca.pem").display()
    );
    let token = format!(
        "port {}\ntls_starttls on\nauth xoauth2\nuser {PER}\npassword {TOKEN}\nfrom {PER}\n",
        lab.starttls.port()
    );
    let certificate = format!(
        "port {}\ntls_starttls off\nauth external\nuser {APP}\nfrom {APP}\ntls_cert_file {}\ntls_key_file {}\n",
        lab.tls.port(),
        chain.display(),
        key.display()
    );
    for (settings, to) in [(token, APP), (certificate, PER)] {
        let file = write_message(&lab.dir, if to == APP { PER } else { APP });
        let rc = lab.dir.join("msmtprc");
        std::fs::write(&rc, format!("account default\n{common}{settings}")).unwrap();
        let mut msmtp = Command::new("sh");
        msmtp
            .args(["-c", "chmod 600 \"$1\"; tr -d '\\r' < \"$2\" | msmtp -C \"$1\" -- \"$3\"", "sh"])
            .arg(&rc)
            .arg(&file)
            .arg(to);
        let (code, output) = run(&mut msmtp).await;
        assert_eq!(code, Some(0), "{output}");
        let inbox = lab.inbox(to).await;
        assert!(String::from_utf8_lossy(&inbox[0]).ends_with("\r\n\r\n.dot\r\nfin\r\n"));
    }
}

/// swaks sends without what is required, stage after stage.
#[tokio::test]
async fn swaks_meets_each_refusal_and_sees_what_is_offered() {
    if std::process::Command::new("swaks").arg("--version").output().is_err() {
        println!("SKIP swaks: not installed");
        return;
    }
    let lab = Lab::new().await;
    let (chain, key) = lab.certificate();
    let ca = lab.dir.join("ca.pem");
    let swaks = |more: &[&str]| {
        let mut command = Command::new("swaks");
        command.args(["--server", "localhost", "--helo", "swaks.lab", "--timeout", "10"]);
        command.args(["--from", APP, "--to", PER, "--port", &lab.starttls.port().to_string()]);
        command.args(more);
        command
    };
    let (code, output) = run(&mut swaks(&[])).await;
    assert!(code != Some(0) && output.contains("530 5.7.0 Must issue a STARTTLS command first"), "{output}");
    let with_tls = ["--tls", "--tls-ca-path", ca.to_str().unwrap()];
    let (code, output) = run(&mut swaks(&with_tls)).await;
    assert!(code != Some(0) && output.contains("530 5.7.0 Authentication required"), "{output}");
    let certificate = ["--tls-cert", chain.to_str().unwrap(), "--tls-key", key.to_str().unwrap()];
    let (code, output) = run(swaks(&with_tls).args(certificate)).await;
    assert!(code != Some(0) && output.contains("530 5.7.0 Authentication required"), "{output}");
    assert!(output.contains("250 STARTTLS") && output.contains("AUTH EXTERNAL XOAUTH2"), "{output}");
    for keyword in ["CHUNKING", "DSN", "LIMITS RCPTMAX=100"] {
        assert!(output.contains(keyword), "{keyword} in {output}");
    }
}

fn write_message(dir: &Path, from: &str) -> std::path::PathBuf {
    let file = dir.join("message.eml");
    std::fs::write(&file, format!("From: \"Test, Dr\" <{from}>\r\n{MESSAGE}")).unwrap();
    file
}
