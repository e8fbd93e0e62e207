//! *Réglages*, the last timer, what is thrown away.

use bench::Code;
use bench::desk::{Filter, Settings};
use kernel::Clock;

use crate::lab::{Lab, Row};

#[tokio::test]
async fn settings_are_kept_and_bad_ones_refused_with_their_field() {
    let lab = Lab::new().await;
    let bench = &lab.bench;
    assert_eq!(bench.settings().await.unwrap(), Settings::default());
    let mine = Settings {
        language: "en".into(),
        retention_days: 30,
        accelerated: true,
        timer_person_s: 300,
        timer_adapter_s: 20,
        support: "aide@example.org".into(),
        notice: "Maintenance <b>demain</b>\nà 8 h".into(),
        user_domains: vec!["patient.mssante.fr".into(), "#########@tests.mssante.fr".into()],
    };
    bench.save_settings(&mine).await.unwrap();
    assert_eq!(bench.settings().await.unwrap(), mine);
    lab.execute("INSERT INTO setting (name, value) VALUES ('of_a_later_version', '1')").await;
    assert_eq!(bench.settings().await.unwrap(), mine);

    let bad = [
        ("language", Settings { language: "de".into(), ..mine.clone() }),
        ("retention_days", Settings { retention_days: 3_651, ..mine.clone() }),
        ("timer_person_s", Settings { timer_person_s: 4, ..mine.clone() }),
        ("timer_person_s", Settings { timer_person_s: 3_601, ..mine.clone() }),
        ("timer_adapter_s", Settings { timer_adapter_s: 0, ..mine.clone() }),
        ("support", Settings { support: "javascript:alert(1)@x".into(), ..mine.clone() }),
        ("support", Settings { support: "a b@c".into(), ..mine.clone() }),
        ("notice", Settings { notice: "x".repeat(2_001), ..mine.clone() }),
        ("notice", Settings { notice: "\u{0}".into(), ..mine.clone() }),
        ("user_domains", Settings { user_domains: vec!["a b@x.fr".into()], ..mine.clone() }),
        ("user_domains", Settings { user_domains: vec!["*".into()], ..mine.clone() }),
        ("user_domains", Settings { user_domains: vec![String::new()], ..mine.clone() }),
        ("user_domains", Settings { user_domains: vec![format!("{}fr", "a.".repeat(125))], ..mine.clone() }),
        (
            "user_domains",
            Settings { user_domains: (0..21).map(|n| format!("p{n}.fr")).collect(), ..mine.clone() },
        ),
    ];
    for (field, settings) in bad {
        let error = bench.save_settings(&settings).await.unwrap_err();
        assert_eq!((error.code, error.field.as_deref()), (Code::BadInput, Some(field)));
    }
    assert_eq!(bench.settings().await.unwrap(), mine);
}

#[tokio::test]
async fn whose_addresses_are_patients_is_a_setting() {
    let lab = Lab::new().await;
    let save = async |forms: &[&str]| {
        let user_domains = forms.iter().map(ToString::to_string).collect();
        lab.bench.save_settings(&Settings { user_domains, ..Settings::default() }).await.unwrap();
        (lab.bench.settings().await.unwrap().user_domains, lab.bench.reading().await.unwrap())
    };
    let holds = |reading: &mss::Settings, address: &str| reading.is_patient(&address.parse().unwrap());
    let mes = "279035121518989@patient.mssante.fr";
    let motco2 = "184131175@mail-tests-editeur.espacedeconfiance.mssante.fr";
    let own = format!("184131175@{}", lab.bench.parts().operator.domain());

    let reading = lab.bench.reading().await.unwrap();
    assert!([mes, motco2, &own].iter().all(|address| holds(&reading, address)));
    assert!(!holds(&reading, &own.replace("184131175", "163254178")), "an application's mailbox");
    let (kept, reading) = save(&["Usagers.Test", "usagers.test", "#########@x.fr"]).await;
    assert_eq!(kept, ["usagers.test", "#########@x.fr"]);
    assert!(["1@usagers.test", "123456789@x.fr", &own].iter().all(|address| holds(&reading, address)));
    assert!(!["12345678@x.fr", mes, motco2].iter().any(|address| holds(&reading, address)));
    let (kept, reading) = save(&[]).await;
    assert_eq!(kept, Settings::default().user_domains);
    assert!(holds(&reading, mes) && holds(&reading, motco2));
}

#[tokio::test]
async fn the_last_timer_of_a_person_is_remembered_job_by_job() {
    let lab = Lab::new().await;
    let row = |number, job, driver, timer_s| Row { driver, timer_s, ..Row::new(number, job, Some("passed")) };
    lab.insert_runs(vec![
        row(1, "psc-nil", "person", 45),
        row(2, "psc-nil", "person", 60),
        row(3, "psc-nil", "adapter", 15),
        row(4, "psc-ins", "person", 90),
        row(5, "psc-mes", "person", 0),
    ])
    .await;
    let timer = async |nil, job| lab.bench.last_timer(nil, job).await.unwrap();
    assert_eq!(timer("2621", "psc-nil").await, 60);
    assert_eq!(timer("2621", "psc-ins").await, 90);
    assert_eq!(timer("2621", "psc-mes").await, 120);
    assert_eq!(timer("1", "psc-nil").await, 120);
    let settings = Settings { timer_person_s: 77, ..Settings::default() };
    lab.bench.save_settings(&settings).await.unwrap();
    assert_eq!(timer("1", "psc-nil").await, 77);
    assert_eq!(timer("2621", "psc-nil").await, 60);
}

#[tokio::test]
async fn old_evidence_is_thrown_away_and_the_verdict_stays() {
    let lab = Lab::new().await;
    let now = Clock::system().now().as_microsecond();
    let days = |count: i64| now - count * 24 * 3_600 * 1_000_000;
    let rows = (1..=1_203).map(|number| {
        let created_us = days(if number <= 1_201 { 181 } else { 179 });
        Row { created_us, ..Row::new(number, "psc-nil", Some("passed")) }
    });
    lab.insert_runs(rows.collect()).await;
    lab.execute("INSERT INTO evidence (run, body) SELECT number, x'7b7d' FROM run").await;
    let proven = async || {
        let filter = Filter { proven: true, ..Filter::default() };
        lab.bench.history(&filter, 1, 1).await.unwrap().total
    };
    assert_eq!(proven().await, 1_203);
    let settings = |retention_days| Settings { retention_days, ..Settings::default() };
    lab.bench.save_settings(&settings(0)).await.unwrap();
    assert_eq!(lab.bench.purge().await.unwrap(), 0);
    lab.bench.save_settings(&settings(180)).await.unwrap();
    assert_eq!(lab.bench.purge().await.unwrap(), 1_201);
    assert_eq!(proven().await, 2);
    assert_eq!(lab.bench.purge().await.unwrap(), 0);
    assert_eq!(lab.bench.history(&Filter::default(), 1, 1).await.unwrap().total, 1_203);
}
