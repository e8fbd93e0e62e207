//! No token, code or secret in what the sandbox logs or tells the journal.

use std::io::Write;
use std::sync::{Arc, Mutex};

use tracing_subscriber::filter::LevelFilter;

use crate::world::{CLIENT, DOCTOR, SECRET, VERIFIER, World};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_secret_is_logged_or_kept() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(LevelFilter::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let data = tempfile::tempdir().unwrap();
    let db = db::Db::open_sqlite(&data.path().join("journal.sqlite")).await.unwrap();
    let journal = journal::Journal::open(&db, kernel::Clock::system()).await.unwrap();
    let world = World::with(|mut config| {
        config.journal = Some(journal.clone());
        config
    });
    let code = world.code().await;
    let first = world.redeem(&code, VERIFIER).await.tokens();
    let old = first.refresh_token.clone().unwrap();
    let second = world.refresh(old.reveal()).await.tokens();
    world.refresh(old.reveal()).await;
    world.user_info("eyJhbGciOiJub25lIn0.forged-token.x").await;
    world.post("revoke", &[("token", second.access_token.reveal())]).await;
    world.redeem(&code, VERIFIER).await;
    let third = world.psc.issue_tokens(DOCTOR, CLIENT, None).unwrap();
    let asked = world.ciba(&[]).await;
    let asked = oidc::CibaAnswer::parse(200, asked.text.as_bytes()).unwrap();
    world.poll(asked.auth_req_id.reveal()).await;
    world.poll(asked.auth_req_id.reveal()).await;
    let (_, number, cookie) = world.page(&crate::world::query(&[])).await;
    let entered = world.press(&number, &cookie, &format!("CARD {DOCTOR}")).await;
    let sso = entered.headers.get_all("set-cookie").iter().next_back().unwrap().to_str().unwrap();
    let sso = sso.split(['=', ';']).nth(1).unwrap().to_owned();
    for fault in psc::PscFault::ALL.into_iter().filter(|fault| fault.is_of_tokens()) {
        let _armed = world.psc.arm(CLIENT, fault, 1);
        world.redeem(&world.code().await, VERIFIER).await;
    }
    let in_address = oidc::encode_pairs([("access_token", third.response.access_token.reveal().as_str())]);
    let address = format!("{}?{in_address}", crate::world::at("userinfo"));
    world.realm(axum::http::Request::get(address).body(axum::body::Body::empty()).unwrap()).await;

    journal.barrier().await.unwrap();
    let events = journal.events(&journal::Query::default()).await.unwrap();
    let kept = serde_json::to_string(&events).unwrap();
    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let fingerprint = second.access_token.fingerprint();
    assert!(
        kept.contains(&fingerprint) && kept.contains("token granted by=refresh") && kept.contains(DOCTOR),
        "{kept}"
    );
    assert!(kept.contains("invalid_grant"), "{kept}");
    let sid = kept.split("by=code").nth(1).unwrap().split("sid=").nth(1).unwrap().split(' ').next().unwrap();
    let spent = format!("used already: its session is closed. Keep the newest one.) sid={sid}");
    assert!(kept.contains(&spent), "a refusal names the session, also one that has ended: {spent} in {kept}");
    assert!(logged.contains("token granted by=code") && !logged.contains("ERROR"), "{logged}");

    let rotated = world.psc.rotate_secret("other").unwrap();
    let mut secrets = vec![code, SECRET.to_owned(), VERIFIER.to_owned(), "forged-token".to_owned()];
    secrets.extend([asked.auth_req_id.reveal().clone(), sso, rotated.reveal().clone()]);
    for set in [&first, &second, &third.response] {
        secrets.push(set.access_token.reveal().clone());
        secrets.push(set.access_token.reveal().rsplit('.').next().unwrap().to_owned());
        secrets.push(set.refresh_token.as_ref().unwrap().reveal().clone());
        secrets.push(set.id_token.as_ref().unwrap().reveal().clone());
    }
    let shown = format!("{:?} {third:?} {second:?} {asked:?}", world.psc);
    let desk = format!("{:?}", world.psc.client_log(CLIENT));
    assert!(desk.contains("fault: alg-none") && desk.contains("ciba asked"), "{desk}");
    for secret in secrets {
        for (where_, text) in
            [("log", &logged), ("journal", &kept), ("debug", &shown), ("client's log", &desk)]
        {
            assert!(!text.contains(&secret), "a secret of {} characters is in the {where_}", secret.len());
        }
    }
}
