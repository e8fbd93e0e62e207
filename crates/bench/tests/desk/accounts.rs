//! *Modifier*, removal, the checklist.

use std::time::Duration;

use bench::desk::ProductEdit;
use bench::judge::Verdict;
use bench::{Code, Request};
use operator::Kind;

use crate::client::Session;
use crate::lab::{Lab, new_product};

fn edit(psc_id: &str, app_id: &str) -> ProductEdit {
    ProductEdit {
        name: "SantéProPlus".into(),
        version: Some("2.0".into()),
        kind: Kind::Per,
        psc_identity: psc_id.into(),
        app_identity: app_id.into(),
        course: "MDV".into(),
        procedure: "Référencement".into(),
        status: "En cours".into(),
    }
}

fn by_hand(nil: &str, job: &str) -> Request {
    Request {
        nil: nil.into(),
        what: job.into(),
        adapter: None,
        timer: Some(Duration::from_secs(60)),
        accelerated: false,
        canned: false,
        seed: None,
    }
}

#[tokio::test]
async fn an_edited_product_works_under_its_new_identifiers_and_gives_the_old_ones_back() {
    let lab = Lab::new().await;
    let bench = &lab.bench;
    lab.product("2621", "899700000018", "163254178").await;
    let old_token = bench.tokens("899700000018", false).await.unwrap();
    let certificate = lab.data.join("products/2621/auth_cli.pem");
    let (before, crl) = (std::fs::read(&certificate).unwrap(), lab.pki.crls());

    let product = bench.edit_product("2621", edit("899700000019", "163254179")).await.unwrap();
    assert_eq!(product, bench.product("2621").await.unwrap());
    assert_eq!((product.name.as_str(), product.course.as_str()), ("SantéProPlus", "MDV"));
    assert_eq!(bench.versions("2621").await.unwrap(), ["1.0", "2.0"]);
    for (address, kind) in [(&product.psc_address, Kind::Per), (&product.app_address, Kind::App)] {
        assert_eq!(lab.operator.mailbox(address).unwrap().kind, kind);
    }
    assert_ne!(std::fs::read(&certificate).unwrap(), before);
    assert_eq!(std::fs::read(certificate.with_file_name("auth_cli-163254178.pem")).unwrap(), before);
    assert!(certificate.with_file_name("auth_cli-163254178.key").is_file());
    assert_ne!(lab.pki.crls(), crl, "the old certificate is on the CRL");

    let token = bench.tokens("899700000019", false).await.unwrap();
    let session = Session::open(&lab, "899700000019", token.response.access_token.reveal()).await;
    session.unwrap().quit().await;
    assert_eq!(bench.tokens("899700000018", false).await.unwrap_err().code, Code::UnknownProduct);
    assert!(lab.psc.issue_tokens("899700000018", "lps-2621", None).is_err());
    let refused = Session::open(&lab, "899700000019", old_token.response.access_token.reveal()).await;
    assert!(refused.is_err(), "the old identity does not open the new mailbox");

    lab.product("2622", "899700000018", "163254178").await;
    let other = bench.product("2622").await.unwrap();
    let token = bench.tokens("899700000018", false).await.unwrap();
    let session = Session::open(&lab, "899700000018", token.response.access_token.reveal()).await;
    session.unwrap().quit().await;

    let product = bench
        .edit_product("2621", ProductEdit { kind: Kind::Org, ..edit("899700000019", "163254179") })
        .await;
    let product = product.unwrap();
    assert_eq!(lab.operator.mailbox(&product.psc_address).unwrap().kind, Kind::Org);

    for (asked, code, field) in [
        (edit("899700000018", "163254179"), Code::IdentityInUse, "psc_id"),
        (edit("899700000020", "163254178"), Code::IdentityInUse, "app_id"),
        (edit("899700000020", "899700000018"), Code::IdentityInUse, "app_id"),
        (edit("a b", "163254179"), Code::BadInput, "psc_id"),
        (edit("1", "1"), Code::BadInput, "app_id"),
        (ProductEdit { name: " ".into(), ..edit("1", "2") }, Code::BadInput, "name"),
        (ProductEdit { course: "x".repeat(101), ..edit("1", "2") }, Code::BadInput, "parcours"),
    ] {
        let error = bench.edit_product("2621", asked).await.unwrap_err();
        assert_eq!((error.code, error.field.as_deref()), (code, Some(field)), "{error:?}");
    }
    assert_eq!(bench.product("2621").await.unwrap(), product, "a refused change changes nothing");
    assert_eq!(bench.product("2622").await.unwrap(), other);
    let error = bench.edit_product("9999", edit("1", "2")).await.unwrap_err();
    assert_eq!(error.code, Code::UnknownProduct);
}

#[tokio::test]
async fn a_product_whose_run_is_not_finished_is_not_edited_and_its_old_runs_keep_their_identifier() {
    let lab = Lab::new().await;
    let bench = &lab.bench;
    lab.product("2621", "899700000018", "163254178").await;
    let (campaign, runs) = bench.start(by_hand("2621", "psc-nil")).await.unwrap();
    let error = bench.edit_product("2621", edit("899700000019", "163254178")).await.unwrap_err();
    assert_eq!((error.code, error.detail["run"].as_i64()), (Code::Busy, Some(runs[0])));
    bench.cancel(runs[0]).await.unwrap();
    bench.finished(campaign).await.unwrap();
    bench.edit_product("2621", edit("899700000019", "163254178")).await.unwrap();
    assert_eq!(bench.run(runs[0]).await.unwrap().run.identity, "899700000018");
}

#[tokio::test]
async fn a_removed_product_leaves_its_runs_and_frees_its_identifiers() {
    let lab = Lab::new().await;
    let bench = &lab.bench;
    lab.product("2621", "899700000018", "163254178").await;
    bench.tick("2621", "nil", true).await.unwrap();
    let mut open = by_hand("2621", "psc-nil");
    open.timer = Some(Duration::from_secs(600));
    let (campaign, mut runs) = bench.start(open.clone()).await.unwrap();
    let (queued, behind) = bench.start(open).await.unwrap();
    runs.extend(behind);

    bench.remove_product("2621").await.unwrap();
    for campaign in [campaign, queued] {
        tokio::time::timeout(Duration::from_secs(10), bench.finished(campaign)).await.unwrap().unwrap();
    }
    for run in runs {
        assert_eq!(bench.run(run).await.unwrap().run.verdict, Some(Verdict::Aborted));
    }
    assert_eq!(bench.products().await.unwrap(), []);
    assert!(bench.versions("2621").await.unwrap().is_empty());
    assert!(!lab.data.join("products/2621").exists());
    assert!(lab.psc.issue_tokens("899700000018", "lps-2621", None).is_err());
    assert_eq!(bench.remove_product("2621").await.unwrap_err().code, Code::UnknownProduct);

    lab.product("2622", "899700000018", "163254178").await;
    lab.product("2621", "899700000019", "163254179").await;
    assert!(bench.prerequisites("2621").await.unwrap().iter().all(|line| line.ticked.is_none()));
}

#[tokio::test]
async fn the_checklist_keeps_the_date_of_the_first_tick() {
    let lab = Lab::new().await;
    let bench = &lab.bench;
    bench.add_product(new_product("2621", "899700000018", "163254178")).await.unwrap();
    let ids: Vec<_> = bench.prerequisites("2621").await.unwrap().iter().map(|line| line.id).collect();
    assert_eq!(ids, ["convergence", "nil", "candidature", "droits", "cpx", "id-psc", "id-app", "bas-psc"]);
    let cpx = async || bench.prerequisites("2621").await.unwrap()[4].ticked;
    assert_eq!(cpx().await, None);
    bench.tick("2621", "cpx", true).await.unwrap();
    let first = cpx().await.unwrap();
    bench.tick("2621", "cpx", true).await.unwrap();
    assert_eq!(cpx().await, Some(first));
    bench.tick("2621", "cpx", false).await.unwrap();
    assert_eq!(cpx().await, None);
    let error = bench.tick("2621", "cpz", true).await.unwrap_err();
    assert_eq!((error.code, error.field.as_deref()), (Code::BadInput, Some("id")));
    assert_eq!(bench.tick("1", "cpx", true).await.unwrap_err().code, Code::UnknownProduct);
    assert_eq!(bench.prerequisites("1").await.unwrap_err().code, Code::UnknownProduct);
}
