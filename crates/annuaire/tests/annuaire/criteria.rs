//! Each criterion of SC.MSS/UX.41 alone: what comes first meets it, and so does everything that is found without an error.

use annuaire::Card;

use super::*;

type Meets = fn(&Card) -> bool;

#[test]
fn what_is_found_by_one_criterion_meets_it() {
    let (_dir, directory) = directory();
    let set = |change: &dyn Fn(&mut Criteria, Option<String>), text: &str| {
        let mut criteria = Criteria::default();
        change(&mut criteria, Some(text.to_owned()));
        criteria
    };
    let cases: Vec<(Criteria, Meets)> = vec![
        (set(&|c, text| c.identifier = text, "999 0000 0003"), |card| card.name == "Dr Odile MARCHENOIR"),
        (set(&|c, text| c.family = text, "Marchenoir"), |card| card.family == "MARCHENOIR"),
        (set(&|c, text| c.given = text, "jean-pierre"), |card| {
            card.given.to_uppercase().contains("JEAN") && card.given.contains("Pierre")
        }),
        (set(&|c, text| c.profession = text, "infirmière"), |card| {
            card.trade.as_ref().is_some_and(|trade| trade.code == "60" || trade.code == "69")
        }),
        (set(&|c, text| c.specialty = text, "cardiologue"), |card| {
            card.skills.iter().any(|skill| skill.label.to_lowercase().contains("cardio"))
        }),
        (set(&|c, text| c.address = text, "12 place de l'église 03100 Montluçon"), |card| {
            card.name == "Dr Odile MARCHENOIR"
        }),
        (set(&|c, text| c.organization = text, "CH Montluçon"), |card| {
            card.addresses.iter().any(|address| address.address.ends_with("@ch-montlucon.mssante.test"))
        }),
        (set(&|c, text| c.street = text, "place de l'église"), |card| {
            card.places.iter().any(|place| place.street.ends_with("EGLISE"))
        }),
        (set(&|c, text| c.postcode = text, "97500"), |card| {
            card.places.iter().any(|place| place.postcode == "97500")
        }),
        (set(&|c, text| c.city = text, "Montluçon"), |card| {
            card.places.iter().any(|place| place.city.starts_with("MONTLUCON"))
        }),
        (set(&|c, text| c.email = text, "odile.marchenoir@medecin.mssante.test"), |card| {
            card.name == "Dr Odile MARCHENOIR"
        }),
        (set(&|c, text| c.department = text, "Allier"), |card| {
            card.places.iter().any(|place| place.postcode.starts_with("03"))
        }),
    ];
    for (criteria, meets) in cases {
        let query = Query { criteria: criteria.clone(), ..Query::default() };
        let found = directory.search(&query, 20).expect("answered");
        assert!(found.relaxed.is_none(), "{criteria:?}: {:?}", found.relaxed);
        let first = found.hits.first().unwrap_or_else(|| panic!("{criteria:?}: nobody"));
        assert!(meets(&first.card), "{criteria:?}: {:?}", first.card);
        let surely =
            found.hits.iter().filter(|hit| hit.reasons.iter().all(|reason| reason.how > How::Prefix));
        for hit in surely {
            assert!(meets(&hit.card), "{criteria:?}: {:?} {:?}", hit.card, hit.reasons);
        }
    }
}
