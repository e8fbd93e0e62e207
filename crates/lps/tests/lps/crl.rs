use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kernel::{Clock, RetryClass, Stage};
use lps::CrlStore;
use tls::Lab;

use crate::peer::{Pages, http, lab, own_lab};

fn pages(lab: &Lab) -> Pages {
    let lists = lab.crls().into_iter().map(|(name, der)| (format!("/CRL/{name}"), (200, der)));
    Arc::new(Mutex::new(lists.collect::<HashMap<_, _>>()))
}

fn urls(lab: &Lab, port: u16) -> Vec<String> {
    lab.crls().iter().map(|(name, _)| format!("http://127.0.0.1:{port}/CRL/{name}")).collect()
}

fn store(dir: &Path, lab: &Lab, clock: Clock) -> CrlStore {
    CrlStore::new(dir, lab.ca_pem(), clock).unwrap()
}

#[tokio::test]
async fn a_list_is_fetched_kept_and_used_while_it_is_in_force() {
    let (lab, dir) = (lab(), tempfile::tempdir().unwrap());
    let pages = pages(&lab);
    let server = http(Arc::clone(&pages)).await;
    let urls = urls(&lab, server.port);
    let lists: Vec<Vec<u8>> = lab.crls().into_iter().map(|(_, der)| der).collect();
    assert_eq!(store(dir.path(), &lab, Clock::system()).load(&urls).await.unwrap(), lists);

    pages.lock().unwrap().clear(); // 404 from now on
    assert_eq!(store(dir.path(), &lab, Clock::system()).load(&urls).await.unwrap(), lists);
    drop(server); // nothing listens any more
    assert_eq!(store(dir.path(), &lab, Clock::system()).load(&urls).await.unwrap(), lists);

    let (clock, hands) = Clock::manual(Clock::system().now());
    hands.advance(Duration::from_secs(30 * 24 * 3600));
    let failure = store(dir.path(), &lab, clock).load(&urls).await.unwrap_err();
    assert_eq!((failure.stage, failure.retry), (Stage::Tls, RetryClass::Never));
    assert!(failure.message.contains("nextUpdate"), "{failure}");
}

#[tokio::test]
async fn with_neither_a_fresh_list_nor_a_kept_one_nothing_is_trusted() {
    let (lab, dir) = (lab(), tempfile::tempdir().unwrap());
    let server = http(Arc::default()).await;
    let failure = store(dir.path(), &lab, Clock::system()).load(&urls(&lab, server.port)).await.unwrap_err();
    assert_eq!((failure.stage, failure.retry), (Stage::Tls, RetryClass::Later));
    assert!(failure.message.contains("404") && failure.message.contains("/CRL/"), "{failure}");
}

#[tokio::test]
async fn a_fetched_list_past_its_end_is_refused() {
    let (lab, dir) = (lab(), tempfile::tempdir().unwrap());
    let server = http(pages(&lab)).await;
    let (clock, hands) = Clock::manual(Clock::system().now());
    hands.advance(Duration::from_secs(30 * 24 * 3600));
    let failure = store(dir.path(), &lab, clock).load(&urls(&lab, server.port)).await.unwrap_err();
    assert_eq!(failure.retry, RetryClass::Never);
}

#[tokio::test]
async fn a_forged_or_broken_list_does_not_replace_the_kept_one() {
    let (lab, dir, other) = (lab(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let pages = pages(&lab);
    let server = http(Arc::clone(&pages)).await;
    let urls = urls(&lab, server.port);
    let store = store(dir.path(), &lab, Clock::system());
    let lists = store.load(&urls).await.unwrap();

    // Another lab has the same names and other keys.
    let names = tls::LabNames { domains: vec![], crl_base: "http://127.0.0.1:1".into() };
    let foreign = Lab::open(other.path(), &names, &Clock::system()).unwrap();
    for (name, der) in foreign.crls() {
        pages.lock().unwrap().insert(format!("/CRL/{name}"), (200, der));
    }
    assert_eq!(store.load(&urls).await.unwrap(), lists);

    for (name, mut der) in lab.crls() {
        *der.last_mut().unwrap() ^= 1;
        pages.lock().unwrap().insert(format!("/CRL/{name}"), (200, der));
    }
    assert_eq!(store.load(&urls).await.unwrap(), lists);
    pages.lock().unwrap().values_mut().for_each(|page| page.1 = b"<html>captive portal</html>".to_vec());
    assert_eq!(store.load(&urls).await.unwrap(), lists);
}

#[tokio::test]
async fn an_old_list_played_again_does_not_hide_a_revocation() {
    let (dir, lab_dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (clock, hands) = Clock::manual(Clock::system().now());
    let lab = own_lab(lab_dir.path(), &clock);
    let old = pages(&lab);
    hands.advance(Duration::from_secs(2)); // thisUpdate counts seconds
    lab.revoke(&lab.server_certificate().unwrap().serial).unwrap();
    let new = pages(&lab);
    assert_ne!(*old.lock().unwrap(), *new.lock().unwrap());
    let served: Pages = Arc::new(Mutex::new(new.lock().unwrap().clone()));
    let server = http(Arc::clone(&served)).await;
    let urls = urls(&lab, server.port);
    let store = store(dir.path(), &lab, Clock::system());
    let lists = store.load(&urls).await.unwrap();
    *served.lock().unwrap() = old.lock().unwrap().clone();
    assert_eq!(store.load(&urls).await.unwrap(), lists);
}
