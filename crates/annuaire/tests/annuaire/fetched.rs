//! Extractions by URL, from servers of our own: TLS with a root that is a setting, answers that are none, the daily look.

use std::io::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use annuaire::fetch::Fetcher;
use annuaire::{Refresh, Refreshed};
use kernel::{RetryClass, Stage};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::{ServerConfig, crypto::aws_lc_rs};

use super::*;

/// What the server says to a method, whatever the path.
type Answers = Arc<dyn Fn(&str) -> Vec<u8> + Send + Sync>;

async fn one(mut stream: impl AsyncRead + AsyncWrite + Unpin, answers: Answers) {
    let mut head = Vec::new();
    let mut some = [0; 1024];
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut some).await {
            Ok(0) | Err(_) => return,
            Ok(count) => head.extend_from_slice(&some[..count]),
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let answer = answers(head.split(' ').next().unwrap_or_default());
    let _ = stream.write_all(&answer).await;
    let _ = stream.shutdown().await;
}

/// The server's address, and its root in PEM where it speaks TLS.
async fn serve(with_tls: bool, answers: Answers) -> (String, String) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("bound");
    let port = listener.local_addr().expect("an address").port();
    let certified = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("made");
    let key = PrivateKeyDer::Pkcs8(certified.signing_key.serialize_der().into());
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key)
        .expect("a certificate");
    let acceptor = with_tls.then(|| TlsAcceptor::from(Arc::new(config)));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, answers) = (acceptor.clone(), Arc::clone(&answers));
            tokio::spawn(async move {
                match acceptor {
                    None => one(stream, answers).await,
                    Some(acceptor) => {
                        if let Ok(stream) = acceptor.accept(stream).await {
                            one(stream, answers).await;
                        }
                    }
                }
            });
        }
    });
    let scheme = if with_tls { "https" } else { "http" };
    (
        format!("{scheme}://localhost:{port}/extraction/Extraction_Correspondance_MSSante"),
        certified.cert.pem(),
    )
}

fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n{headers}\r\n");
    [head.as_bytes(), body].concat()
}

const NAMED: &str =
    "Content-Disposition: attachment; filename=Extraction_Correspondance_MSSante_202611230415.zip\r\n";

/// The extraction as the State serves it.
fn zipped(dir: &Path) -> Vec<u8> {
    let text = fs::read(extraction(dir, 200)).expect("read");
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    archive.start_file("Extraction_Correspondance_MSSante_202611230415.txt", options).expect("begun");
    archive.write_all(&text).expect("written");
    archive.finish().expect("finished").into_inner()
}

fn state_server(body: Vec<u8>) -> Answers {
    Arc::new(move |method: &str| match method {
        "HEAD" => {
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n{NAMED}\r\n",
                body.len()
            );
            head.into_bytes()
        }
        _ => answer("200 OK", NAMED, &body),
    })
}

fn incoming(directory: &Directory) -> usize {
    let entries = fs::read_dir(directory.dir()).into_iter().flatten().flatten();
    entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("incoming-")).count()
}

#[tokio::test]
async fn an_extraction_is_fetched_over_tls_with_a_root_that_is_a_setting() {
    let dir = tempfile::tempdir().expect("a directory");
    let (url, root) = serve(true, state_server(zipped(dir.path()))).await;
    let directory = Directory::open(&dir.path().join("annuaire"), Clock::system()).expect("opened");
    // Without its root the server is not believed, and nothing is read from it.
    let settings = Refresh::daily(vec![url.clone()]);
    let failure = directory.refresh(&settings).await.expect_err("refused");
    assert_eq!((failure.stage, failure.retry), (Stage::Connect, RetryClass::Later));
    assert!(failure.message.to_lowercase().contains("certificate"), "{failure}");
    assert!(directory.state().is_none());
    let settings = Refresh { roots: Some(root.into_bytes()), ..settings };
    assert_eq!(directory.refresh(&settings).await, Ok(Refreshed::Imported));
    let state = directory.state().expect("a base");
    assert_eq!(state.source_date.as_deref(), Some("2026-11-23T04:15:00+01:00"));
    assert_eq!(first(&ask(&directory, "dupont 97500")), "Dr Anne DUPONT");
    // The name tells that nothing is newer: nothing is downloaded.
    assert_eq!(directory.refresh(&settings).await, Ok(Refreshed::Unchanged));
    assert_eq!(incoming(&directory), 0, "downloads are removed");
}

#[tokio::test]
async fn what_is_no_extraction_is_a_failure_and_the_base_serves_on() {
    let (_dir, directory) = directory();
    let before = directory.state();
    let cut = |_: &str| b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\nPK\x03\x04".to_vec();
    let elsewhere = |_: &str| answer("302 Found", "Location: http://annuaire.example.org/x\r\n", b"");
    let cases: Vec<(Answers, Stage, RetryClass, &str)> = vec![
        (
            Arc::new(|_: &str| answer("503 Service Unavailable", "", b"")),
            Stage::Command,
            RetryClass::Later,
            "503",
        ),
        (Arc::new(|_: &str| answer("404 Not Found", "", b"")), Stage::Command, RetryClass::Never, "404"),
        (
            Arc::new(|_: &str| answer("200 OK", "", b"<!doctype html>")),
            Stage::Input,
            RetryClass::Later,
            "web page",
        ),
        (Arc::new(|_: &str| answer("200 OK", "", b"")), Stage::Input, RetryClass::Later, "empty"),
        (Arc::new(cut), Stage::Connect, RetryClass::Later, "ended before"),
        (Arc::new(elsewhere), Stage::Connect, RetryClass::Later, "not https"),
    ];
    for (answers, stage, retry, said) in cases {
        let (url, _) = serve(
            false,
            Arc::new(move |method: &str| match method {
                "HEAD" => answer("405 Method Not Allowed", "", b""),
                method => answers(method),
            }),
        )
        .await;
        let failure = directory.refresh(&Refresh::daily(vec![url])).await.expect_err(said);
        assert_eq!((failure.stage, failure.retry), (stage, retry), "{failure}");
        assert!(failure.message.contains(said), "{said}: {failure}");
        assert_eq!((directory.state(), incoming(&directory)), (before.clone(), 0), "{said}");
    }
    let nobody = TcpListener::bind(("127.0.0.1", 0)).await.expect("bound").local_addr().expect("an address");
    let fetcher = Fetcher::new(None).expect("set up");
    let failure = fetcher.date(&format!("http://{nobody}/x")).await.expect_err("nobody listens");
    assert!(failure.is_retryable() && failure.message.contains("cannot be reached"), "{failure}");
}

#[tokio::test]
async fn an_outage_is_said_on_every_answer_until_the_next_good_base() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = extraction(dir.path(), 200);
    // The base is of 22 November, the clock of the 24th: it is time to look.
    let (clock, hands) = Clock::manual("2026-11-24T12:00:00Z".parse().expect("a date"));
    let directory = Directory::open(&dir.path().join("annuaire"), clock).expect("opened");
    directory.import(&[file], &ImportOptions::default(), &quiet).expect("imported");
    let body = zipped(dir.path());
    let calls = Arc::new(AtomicUsize::new(0));
    let broken = Arc::new(Mutex::new(true));
    let (counted, switch) = (Arc::clone(&calls), Arc::clone(&broken));
    let good = state_server(body);
    let (url, _) = serve(
        false,
        Arc::new(move |method: &str| {
            counted.fetch_add(1, Ordering::Relaxed);
            if *switch.lock().expect("locked") {
                answer("503 Service Unavailable", "", b"")
            } else {
                good(method)
            }
        }),
    )
    .await;
    let settings = Refresh { retry: Duration::from_millis(20), ..Refresh::daily(vec![url]) };
    let task = tokio::spawn({
        let directory = directory.clone();
        async move { directory.keep_fresh(settings).await }
    });
    let outage = until(|| directory.outage()).await;
    assert_eq!((outage.tries, outage.stage, outage.retry), (1, Stage::Command, RetryClass::Later));
    assert_eq!(outage.since, "2026-11-24T12:00:00Z");
    assert!(outage.message.contains("503"), "{outage:?}");
    // The last good base serves, and every answer says why it is not newer.
    let found = ask(&directory, "dupont 97500");
    assert_eq!((first(&found).as_str(), &found.outage), ("Dr Anne DUPONT", &Some(outage.clone())));
    let sheet = serde_json::to_value(directory.show("99900000001").expect("shown")).expect("JSON");
    assert_eq!(sheet["outage"]["stage"], "command");
    assert_eq!(directory.state().and_then(|state| state.outage), Some(outage.clone()));
    // Time stands still: nobody asks again before it is due.
    let asked = calls.load(Ordering::Relaxed);
    tokio::time::sleep(Duration::from_millis(60)).await;
    assert_eq!(calls.load(Ordering::Relaxed), asked);
    hands.advance(Duration::from_secs(1));
    let second = until(|| directory.outage().filter(|outage| outage.tries == 2)).await;
    assert_eq!((second.since, second.last_try.as_str()), (outage.since, "2026-11-24T12:00:01Z"));
    *broken.lock().expect("locked") = false;
    hands.advance(Duration::from_secs(1));
    let state = until(|| directory.state().filter(|state| state.outage.is_none())).await;
    assert_eq!(state.source_date.as_deref(), Some("2026-11-23T04:15:00+01:00"));
    assert!(ask(&directory, "dupont 97500").outage.is_none());
    task.abort();
}

async fn until<R>(mut ready: impl FnMut() -> Option<R>) -> R {
    for _ in 0..1_000 {
        if let Some(result) = ready() {
            return result;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("it did not happen");
}
