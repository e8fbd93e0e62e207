//! Against servers that others wrote: Dovecot for IMAP, Postfix (with Dovecot's SASL) for submission, each a private
//! instance in a temporary directory. They need Debian's dovecot-imapd and postfix, and root:
//! `cargo nextest run -p lps --run-ignored only`.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_lc_rs::hmac;
use kernel::{Clock, RetryClass, Secret, Stage, base64url};
use lps::{Credentials, Endpoint, ImapSession, Outcome, Security, SmtpSession, TokenSource};
use mss::{Address, Draft, compose};
use rustls::ClientConfig;
use tls::{ClientTrust, Lab};

use crate::peer::{address, own_lab, patience, trust};

const KEY: &[u8] = b"a key of thirty-two octets, or so";

pub(crate) struct Operator {
    dir: tempfile::TempDir,
    pub(crate) lab: Lab,
    dovecot: Child,
    pub(crate) imap: u16,
    imaps: u16,
    submission: u16,
}

impl Operator {
    pub(crate) fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let pki = dir.path().join("pki");
        std::fs::create_dir(&pki).unwrap();
        let lab = own_lab(&pki, &Clock::system());
        let [imap, imaps, submission] = ports();
        // Postfix and Dovecot run parts of themselves as users of their own.
        command("chmod", &["755", path(dir.path())]);
        std::fs::write(dir.path().join("ca.pem"), authorities(&lab, dir.path())).unwrap();
        write_keys(dir.path());
        std::fs::create_dir(dir.path().join("home")).unwrap();
        command("chown", &["mail:mail", path(&dir.path().join("home"))]);
        let conf = dir.path().join("dovecot.conf");
        std::fs::write(&conf, dovecot_conf(dir.path(), imap, imaps)).unwrap();
        let dovecot = dovecot(&conf);
        let operator = Self { dir, lab, dovecot, imap, imaps, submission };
        operator.wait(imap);
        operator
    }

    /// Postfix, with Dovecot judging its logins; mail is accepted and thrown away.
    fn with_postfix(self) -> Self {
        let dir = self.dir.path();
        for sub in ["postfix", "queue", "data"] {
            std::fs::create_dir(dir.join(sub)).unwrap();
        }
        command("chown", &["postfix", path(&dir.join("data"))]);
        std::fs::write(dir.join("postfix/main.cf"), postfix_conf(dir)).unwrap();
        std::fs::write(dir.join("postfix/master.cf"), postfix_services(self.submission)).unwrap();
        command("postfix", &["-c", path(&dir.join("postfix")), "start"]);
        self.wait(self.submission);
        self
    }

    /// Stops Dovecot with all its sessions, and starts it again.
    pub(crate) fn restart(&mut self) {
        let conf = self.dir.path().join("dovecot.conf");
        command("doveadm", &["-c", path(&conf), "stop"]);
        self.dovecot.wait().unwrap();
        self.dovecot = dovecot(&conf);
        self.wait(self.imap);
    }

    fn wait(&self, port: u16) {
        let start = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            let log = std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default();
            assert!(start.elapsed() < Duration::from_secs(10), "nothing listens on {port}: {log}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    pub(crate) fn at(&self, port: u16, security: Security) -> Endpoint {
        Endpoint::new("localhost", port, security)
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default());
        }
        let postfix = self.dir.path().join("postfix");
        if postfix.exists() {
            let _ =
                Command::new("postfix").args(["-c", path(&postfix), "stop"]).stderr(Stdio::null()).status();
        }
        let conf = self.dir.path().join("dovecot.conf");
        let _ = Command::new("doveadm").args(["-c", path(&conf), "stop"]).status();
        let _ = self.dovecot.kill();
        let _ = self.dovecot.wait();
    }
}

fn dovecot(conf: &Path) -> Child {
    Command::new("dovecot")
        .args(["-F", "-c", path(conf)])
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .spawn()
        .expect("dovecot-imapd is installed")
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn command(program: &str, arguments: &[&str]) {
    let status = Command::new(program).args(arguments).stderr(Stdio::null()).status();
    assert!(status.is_ok_and(|status| status.success()), "{program} {arguments:?}");
}

fn ports() -> [u16; 3] {
    let listeners = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

/// Anchors and lists in one PEM file, as OpenSSL wants them.
fn authorities(lab: &Lab, dir: &Path) -> String {
    let mut all = lab.ca_pem().to_owned();
    for (name, der) in lab.crls() {
        let file: PathBuf = dir.join(name);
        std::fs::write(&file, der).unwrap();
        let output =
            Command::new("openssl").args(["crl", "-inform", "DER", "-in", path(&file)]).output().unwrap();
        all.push_str(std::str::from_utf8(&output.stdout).unwrap());
    }
    all
}

/// The key by which Dovecot checks tokens, where it looks for it.
fn write_keys(dir: &Path) {
    let keys = dir.join("keys/default/HS256");
    std::fs::create_dir_all(&keys).unwrap();
    use base64::Engine as _;
    std::fs::write(keys.join("default"), base64::engine::general_purpose::STANDARD.encode(KEY)).unwrap();
    let oauth = format!(
        "introspection_mode = local\nlocal_validation_key_dict = fs:posix:prefix={}/keys/\nusername_attribute = email\n",
        path(dir)
    );
    std::fs::write(dir.join("oauth2.conf"), oauth).unwrap();
}

pub(crate) fn access_token(life: Duration) -> Secret<String> {
    let now = Clock::system().now().as_second();
    let claims = format!(
        r#"{{"sub":"x","email":"{}","iat":{now},"exp":{},"azp":"default"}}"#,
        address(),
        now + life.as_secs() as i64
    );
    let signed = format!("{}.{}", base64url(br#"{"alg":"HS256","typ":"JWT"}"#), base64url(claims.as_bytes()));
    let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, KEY), signed.as_bytes());
    Secret::new(format!("{signed}.{}", base64url(signature.as_ref())))
}

pub(crate) fn bearer(token: Secret<String>) -> Credentials {
    Credentials::Xoauth2(TokenSource::new(token, None, Clock::system()))
}

pub(crate) fn with_certificate(lab: &Lab) -> Arc<ClientConfig> {
    let issued = lab.issue_auth_cli("163254178", "SantéProMoins").unwrap();
    let crls: Vec<Vec<u8>> = lab.crls().into_iter().map(|(_, der)| der).collect();
    let trust = ClientTrust::new(lab.ca_pem(), &crls).unwrap();
    trust.with_certificate(&issued.chain_pem, &issued.key_pem).unwrap().config().unwrap()
}

fn dovecot_conf(dir: &Path, imap: u16, imaps: u16) -> String {
    let dir = path(dir);
    format!(
        r#"base_dir = {dir}/run
state_dir = {dir}/state
log_path = {dir}/log
auth_verbose = yes
protocols = imap
listen = 127.0.0.1
first_valid_uid = 1
ssl = required
ssl_min_protocol = TLSv1.2
ssl_cert = <{dir}/pki/server.pem
ssl_key = <{dir}/pki/server.key
ssl_ca = <{dir}/ca.pem
ssl_verify_client_cert = yes
auth_ssl_username_from_cert = yes
auth_mechanisms = external xoauth2
auth_failure_delay = 0
mail_location = maildir:~/Maildir
service imap-login {{
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
service auth {{
  unix_listener {dir}/auth {{
    mode = 0666
  }}
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
passdb {{
  driver = oauth2
  mechanisms = xoauth2
  args = {dir}/oauth2.conf
}}
passdb {{
  driver = static
  mechanisms = external
  master = yes
  args = nopassword=y
}}
userdb {{
  driver = static
  args = uid=mail gid=mail home={dir}/home/%u
}}
namespace inbox {{
  inbox = yes
  mailbox "Envoyés" {{
    special_use = \Sent
    auto = create
  }}
}}
"#
    )
}

fn postfix_conf(dir: &Path) -> String {
    let dir = path(dir);
    format!(
        r"compatibility_level = 3.6
queue_directory = {dir}/queue
data_directory = {dir}/data
maillog_file = {dir}/postfix.log
maillog_file_prefixes = {dir}
myhostname = mail.example.test
inet_interfaces = loopback-only
inet_protocols = ipv4
mydestination =
default_transport = discard:
smtpd_tls_security_level = encrypt
smtpd_tls_cert_file = {dir}/pki/server.pem
smtpd_tls_key_file = {dir}/pki/server.key
smtpd_tls_CAfile = {dir}/ca.pem
smtpd_tls_ask_ccert = yes
smtpd_tls_auth_only = yes
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = {dir}/auth
smtpd_sasl_security_options = noanonymous
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_recipient_restrictions = check_recipient_access inline:{{nobody@mail.example.test=reject}}, permit_sasl_authenticated, reject
"
    )
}

fn postfix_services(port: u16) -> String {
    format!(
        "127.0.0.1:{port} inet n - n - - smtpd\npostlog unix-dgram n - n - 1 postlogd\ncleanup unix n - n - 0 cleanup\n\
         qmgr unix n - n 300 1 qmgr\ntlsmgr unix - - n 1000? 1 tlsmgr\nrewrite unix - - n - - trivial-rewrite\n\
         bounce unix - - n - 0 bounce\ndefer unix - - n - 0 bounce\ntrace unix - - n - 0 bounce\n\
         discard unix - - n - - discard\nerror unix - - n - - error\nretry unix - - n - - error\n\
         proxymap unix - - n - - proxymap\nanvil unix - - n - 1 anvil\nscache unix - - n - 1 scache\n"
    )
}

fn mail() -> (Draft, Vec<u8>) {
    let to = vec![Address::parse("bob@mail.example.test").unwrap()];
    let mut draft = Draft::new(address(), to, "2621", Clock::system().now());
    draft.subject = "Été à l'hôpital".into();
    draft.text = "Bonjour,\n.un point au début\n".repeat(200);
    let bytes = compose(&draft).unwrap();
    (draft, bytes)
}

async fn read_and_write(mut session: ImapSession, mail: &[u8], draft: &Draft) {
    let sent = session.special_use("\\Sent").await.unwrap().unwrap();
    assert_eq!(sent, "Envoyés");
    let (validity, uid) = session.append(&sent, "(\\Seen)", mail).await.unwrap().unwrap();
    session.append("INBOX", "", mail).await.unwrap();
    let folder = session.select(&sent).await.unwrap();
    assert_eq!((folder.exists, folder.uid_validity), (1, validity));
    let found =
        session.uid_search(&format!("HEADER Message-ID {}", draft.message_id.as_str())).await.unwrap();
    assert_eq!(found, [uid]);
    let fetched = session
        .uid_fetch(&uid.to_string(), "(UID FLAGS RFC822.SIZE ENVELOPE BODYSTRUCTURE BODY.PEEK[])")
        .await
        .unwrap();
    assert_eq!(fetched[0].body("").unwrap().as_ref(), mail);
    assert_eq!(fetched[0].size, Some(mail.len() as u64));
    assert!(fetched[0].flags.as_ref().unwrap().iter().any(|flag| flag == "\\Seen"));
    session.select("INBOX").await.unwrap();
    assert_eq!(session.uid_search("UNSEEN").await.unwrap().len(), 1);
    session.uid_store("1:*", "+FLAGS.SILENT (\\Seen)").await.unwrap();
    assert_eq!(session.uid_search("UNSEEN").await.unwrap(), Vec::<u32>::new());
    let failure = session.select("Nowhere").await.unwrap_err();
    assert_eq!((failure.stage, failure.retry), (Stage::Command, RetryClass::Never));
    session.logout().await;
}

#[tokio::test]
#[ignore = "needs root and Debian's dovecot-imapd"]
async fn dovecot_opens_a_mailbox_by_token_and_by_certificate() {
    let operator = Operator::start();
    let plain = trust(&operator.lab);
    let (draft, bytes) = mail();
    for (port, security) in [(operator.imap, Security::StartTls), (operator.imaps, Security::Tls)] {
        let endpoint = operator.at(port, security);
        let credentials = bearer(access_token(Duration::from_secs(120)));
        let session =
            ImapSession::open(&endpoint, &address(), &credentials, &plain, patience()).await.unwrap();
        if security == Security::StartTls {
            read_and_write(session, &bytes, &draft).await;
        } else {
            session.logout().await;
        }
    }
    let endpoint = operator.at(operator.imap, Security::StartTls);
    let config = with_certificate(&operator.lab);
    let app = Address::parse("163254178@mail.example.test").unwrap();
    let session =
        ImapSession::open(&endpoint, &app, &Credentials::External, &config, patience()).await.unwrap();
    read_and_write(session, &bytes, &draft).await;

    let mut tampered = access_token(Duration::from_secs(120)).reveal().clone();
    tampered.insert(tampered.len() - 10, 'A');
    let outcome =
        ImapSession::open(&endpoint, &address(), &bearer(Secret::new(tampered)), &plain, patience()).await;
    let failure = outcome.unwrap_err();
    assert_eq!((failure.stage, failure.retry), (Stage::Authenticate, RetryClass::NewCredential), "{failure}");
    let outcome = ImapSession::open(&endpoint, &app, &Credentials::External, &plain, patience()).await;
    let failure = outcome.unwrap_err();
    assert_eq!((failure.stage, failure.retry), (Stage::Authenticate, RetryClass::Never), "{failure}");
}

#[tokio::test]
#[ignore = "needs root and Debian's dovecot-imapd and postfix"]
async fn postfix_takes_a_mail_and_refuses_a_stranger() {
    let operator = Operator::start().with_postfix();
    let plain = trust(&operator.lab);
    let endpoint = operator.at(operator.submission, Security::StartTls);
    let credentials = bearer(access_token(Duration::from_secs(120)));
    let (draft, bytes) = mail();
    let mut session =
        SmtpSession::open(&endpoint, &address(), &credentials, &plain, patience()).await.unwrap();
    let nobody = Address::parse("nobody@mail.example.test").unwrap();
    let both = [draft.to[0].clone(), nobody];
    let Outcome::Refused(refusal) = session.submit(&address(), &both, &bytes).await.unwrap() else {
        panic!()
    };
    assert_eq!((refusal.stage, refusal.retry()), (Stage::Envelope, RetryClass::Never), "{refusal}");
    let outcome = session.submit(&address(), &draft.to, &bytes).await.unwrap();
    let Outcome::Accepted { queue_id: Some(id) } = outcome else { panic!("{outcome:?}") };
    assert!(id.len() >= 10, "{id}");
    session.quit().await;

    let late = bearer(Secret::new("eyJ0.eyJ0.c2ln".into()));
    let failure = SmtpSession::open(&endpoint, &address(), &late, &plain, patience()).await.unwrap_err();
    assert_eq!((failure.stage, failure.retry), (Stage::Authenticate, RetryClass::NewCredential), "{failure}");
}
