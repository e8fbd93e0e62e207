//! Whose addresses are patients': a mail to one may close the exchange, a mail from one is no mail of an LPS.

use mss::{Address, Settings, UserDomain};
use rules::inspect::{inspect, inspect_with};

const MOTCO2: &str = "mail-tests-editeur.espacedeconfiance.mssante.fr";

/// A mail of an LPS that closes the exchange.
fn closing(to: &str) -> String {
    let address = |text: &str| Address::parse(text).unwrap();
    let from = address("899700000018@bal.lab");
    let mut draft = mss::Draft::new(from, vec![address(to)], "2621", "2026-11-23T10:00:00Z".parse().unwrap());
    draft.label = mss::Label::person(Some("Dr"), "Camille", "Essai", None);
    (draft.subject, draft.text) = ("Bonjour".into(), "Voici.".into());
    let mail = String::from_utf8(mss::compose(&draft).unwrap()).unwrap();
    mail.replacen("X-MSS-NIL: 2621", "X-MSS-NIL: 2621\r\nX-MSS-MES: FIN", 1)
}

fn with(domains: &[&str]) -> Settings {
    let parse = |text: &&str| text.parse::<UserDomain>().unwrap();
    Settings { user_domains: domains.iter().map(parse).collect(), ..Settings::default() }
}

fn rules_of(mail: &str, settings: &Settings) -> Vec<String> {
    let findings = inspect_with("a.eml", mail.as_bytes(), settings).findings;
    findings.into_iter().map(|finding| finding.rule).collect()
}

#[test]
fn an_exchange_is_closed_with_patients_alone() {
    let wrong = ["SC.MSS/CONF.21"];
    let motco2 = closing(&format!("184131175@{MOTCO2}"));
    let known = inspect("a.eml", motco2.as_bytes()).findings;
    assert!(known.is_empty(), "MOTCO2's patient is known: {known:?}");
    assert_eq!(rules_of(&motco2, &Settings::default()), wrong, "no setting names it");
    for form in [format!("184131175@{MOTCO2}"), format!("#########@{MOTCO2}"), MOTCO2.to_owned()] {
        assert_eq!(rules_of(&motco2, &with(&[&form])), [""; 0], "{form}");
    }
    let elsewhere = closing("p1@usagers.test");
    assert_eq!(rules_of(&elsewhere, &Settings::with_motco2()), wrong);
    assert_eq!(rules_of(&elsewhere, &with(&["patient.mssante.fr", "usagers.test"])), [""; 0]);
    assert_eq!(rules_of(&elsewhere, &with(&["#########@usagers.test"])), wrong);
    assert_eq!(rules_of(&closing(&format!("163254178@{MOTCO2}")), &Settings::with_motco2()), wrong);
    let doubtful = closing("279035121518989@bal.lab");
    assert_eq!(rules_of(&doubtful, &Settings::default()), [""; 0], "a matricule's digits fail nobody");
}

#[test]
fn what_a_patient_wrote_is_no_mail_of_an_lps() {
    let from = |address: &str| format!("From: {address}\r\nTo: a@b.fr\r\nSubject: Merci\r\n\r\nMerci.\r\n");
    let judged = rules_of(&from("p1@usagers.test"), &Settings::with_motco2());
    assert!(judged.contains(&"SC.MSS/CONF.16".to_owned()), "{judged:?}");
    assert_eq!(rules_of(&from("p1@usagers.test"), &with(&["usagers.test"])), [""; 0]);
    assert_eq!(rules_of(&from(&format!("184131175@{MOTCO2}")), &Settings::with_motco2()), [""; 0]);
    let application = rules_of(&from(&format!("300000001843861@{MOTCO2}")), &Settings::with_motco2());
    assert_eq!(application, judged, "fifteen digits are an application's too");
}
