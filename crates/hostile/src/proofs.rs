use bench::proof::{Body, Verification, verify};
use bench::scenario::Scenario;
use faults::{Moment, Plan, Point, Protocol, Script};

/// A scenario file: what was read is the same once written and read again.
pub(crate) fn scenario(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(scenario) = toml::from_str::<Scenario>(text) else { return };
    let written = serde_json::to_string(&scenario).expect("a scenario serialises");
    let again: Scenario = serde_json::from_str(&written).expect("what we write, we read");
    assert_eq!(again.digest(), scenario.digest());
    let _ = (scenario.protocols(), scenario.expects_mail(), scenario.has_own_control());
    let _ = (scenario.steps_for(true).count(), scenario.steps_for(false).count());
}

/// A proof, and the evidence in it judged again. None is believed: nobody signed it but the seeds, byte for byte.
pub(crate) fn proof(bytes: &[u8]) {
    match verify(bytes, None) {
        Verification::Valid { body, .. } => assert!(!body.runs.is_empty(), "a proof of nothing"),
        Verification::Invalid(why) | Verification::Unreadable(why) => assert!(!why.is_empty()),
    }
    // Without its signature, so that the evidence itself can be anything.
    let text = String::from_utf8_lossy(bytes);
    let text = text.split("\nvaguemestre-sig:").next().unwrap_or_default();
    if let Ok(body) = serde_json::from_str::<Body>(text) {
        for run in &body.runs {
            let _ = run.replay();
        }
    }
}

/// A fault script: what was read is the same once written and read again, and two plans of one seed say the same at every
/// point.
pub(crate) fn fault_script(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let script = match text.parse::<Script>() {
        Ok(script) => script,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    let written = script.to_string();
    let again: Script =
        written.parse().unwrap_or_else(|error| panic!("{error} in what we wrote:\n{written}"));
    assert_eq!(again.to_string(), written);
    let (one, other) = (Plan::new(script, 7), Plan::new(again, 7));
    for point in Point::ALL {
        for protocol in [Protocol::Imap, Protocol::Smtp] {
            let moment = Moment::new(protocol, *point).command("LOGIN");
            for _ in 0..3 {
                let said = |plan: &Plan| plan.at(&moment).map(|hit| hit.what());
                assert_eq!(said(&one), said(&other), "one seed, two answers");
            }
        }
    }
    assert_eq!(one.report().len(), other.report().len());
}
