//! Test identities of every kind that has been seen to break a client: two places of practice, two professions, no
//! practice, no profession, an employee's identifier with its stroke, accents and a particle.
//!
//! Names, places and numbers are invented; the RPPS numbers are of the test range, with a right key.

use crate::identity::{Activity, Identity, Practice, Structure};

/// The ready-made identities, for a sandbox that wants some from its first minute.
pub fn samples() -> Vec<Identity> {
    vec![
        physician("899709011003", "Camille", "MEDECIN0001"),
        person(
            "899709011078",
            "M",
            "Sacha",
            "PHARMACIEN0002",
            vec![practice(
                "21",
                "",
                None,
                vec![activity(
                    "L",
                    "SA33",
                    "A",
                    "FON-01",
                    structure(
                        "R990002",
                        "499709011078001",
                        "PHARMACIE DU BAC 0002",
                        "AV",
                        "DES SABLES",
                        "63000",
                        "CLERMONT-FERRAND",
                        "CNOP/CNOP/CNOP",
                    ),
                )],
            )],
        ),
        person(
            "899709011144",
            "MME",
            "Lou",
            "INFIRMIER0003",
            vec![practice(
                "60",
                "",
                None,
                vec![activity(
                    "L",
                    "SA08",
                    "",
                    "",
                    structure(
                        "R990003",
                        "499709011144001",
                        "CABINET INFIRMIER 0003",
                        "R",
                        "DES ESSAIS",
                        "35000",
                        "RENNES",
                        "CNOI/CNOI/CNOI",
                    ),
                )],
            )],
        ),
        person(
            "899709011219",
            "MME",
            "Noa",
            "SAGE-FEMME0004",
            vec![practice("50", "", None, vec![activity("S", "SA01", "", "", hospital("CNOSF/CNOSF/ARS"))])],
        ),
        Identity::minimal("599700000000014/CPAT00005", "Dominique", "SECRETARIAT0005"),
        Identity::minimal("3990000015/CPET0011", "Claude", "ACCUEIL0011"),
        person(
            "899709011284",
            "M",
            "Andrea",
            "DEUXMETIERS0006",
            vec![
                practice(
                    "10",
                    "DR",
                    Some(("S", "SM26")),
                    vec![activity("L", "SA07", "", "", office("899709011284", "0006"))],
                ),
                practice("40", "DR", None, vec![activity("S", "SA01", "", "", hospital("ONCD/ONCD/ARS"))]),
            ],
        ),
        Identity::minimal("ANS20260110093000", "Maxime", "EDIT0007"),
        person(
            "899709011359",
            "MME",
            "Zoé-Hélène",
            "d’ÉPREUVE-LEÇON",
            vec![practice(
                "10",
                "DR",
                Some(("S", "SM54")),
                vec![activity("L", "SA07", "", "", office("899709011359", "0008"))],
            )],
        ),
        person(
            "899709011425",
            "M",
            "Alix",
            "RETRAITE0009",
            vec![practice("10", "DR", Some(("S", "SM26")), Vec::new())],
        ),
        person(
            "899709011490",
            "MME",
            "Eden",
            "KINE0010",
            vec![practice(
                "70",
                "",
                None,
                vec![activity("L", "SA07", "", "", office("899709011490", "0010"))],
            )],
        ),
    ]
}

/// A general practitioner with a practice of her own and hours in a hospital.
pub(crate) fn physician(national_id: &str, given_name: &str, family_name: &str) -> Identity {
    let tail = national_id.get(national_id.len().saturating_sub(4)..).unwrap_or("0000");
    let activities = vec![
        activity("L", "SA07", "", "", office(national_id, tail)),
        activity("S", "SA01", "", "", hospital("CNOM/CNOM/ARS")),
    ];
    person(
        national_id,
        "MME",
        given_name,
        family_name,
        vec![practice("10", "DR", Some(("S", "SM26")), activities)],
    )
}

fn person(
    national_id: &str,
    civility: &str,
    given_name: &str,
    family_name: &str,
    practices: Vec<Practice>,
) -> Identity {
    Identity {
        civility: civility.to_owned(),
        practices,
        ..Identity::minimal(national_id, given_name, family_name)
    }
}

fn practice(
    profession: &str,
    title: &str,
    speciality: Option<(&str, &str)>,
    activities: Vec<Activity>,
) -> Practice {
    Practice {
        profession: profession.to_owned(),
        title: title.to_owned(),
        speciality: speciality.map(|(kind, code)| (kind.to_owned(), code.to_owned())),
        activities,
    }
}

fn activity(mode: &str, sector: &str, section: &str, role: &str, structure: Structure) -> Activity {
    Activity {
        mode: mode.to_owned(),
        sector: sector.to_owned(),
        pharmacist_section: section.to_owned(),
        role: role.to_owned(),
        structure,
    }
}

fn office(national_id: &str, tail: &str) -> Structure {
    let rpps = national_id.get(1..).unwrap_or_default();
    let name = format!("CABINET DE TEST {tail}");
    structure(
        &format!("R99{tail}"),
        &format!("4{rpps}001"),
        &name,
        "R",
        "DU BAC A SABLE",
        "69003",
        "LYON",
        "CNOM/CNOM/CNOM",
    )
}

fn hospital(authority: &str) -> Structure {
    Structure {
        finess: "990000015".into(),
        finess_legal: "990000007".into(),
        ..structure(
            "F990000015",
            "1990000015",
            "HOPITAL DES EPREUVES",
            "BD",
            "DES BANCS",
            "69003",
            "LYON",
            authority,
        )
    }
}

#[allow(clippy::too_many_arguments)] // one line of a table, eight columns
fn structure(
    technical_id: &str,
    national_id: &str,
    name: &str,
    street_kind: &str,
    street: &str,
    postcode: &str,
    city: &str,
    authority: &str,
) -> Structure {
    Structure {
        technical_id: technical_id.to_owned(),
        national_id: national_id.to_owned(),
        name: name.to_owned(),
        street_number: "1".to_owned(),
        street_kind: street_kind.to_owned(),
        street: street.to_owned(),
        postcode: postcode.to_owned(),
        city: city.to_owned(),
        authority: authority.to_owned(),
        ..Structure::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_samples_are_of_every_kind_and_none_twice() {
        let all = samples();
        let mut ids: Vec<_> = all.iter().map(|identity| identity.national_id.clone()).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), all.len());
        assert!(all.iter().any(|i| i.practices.len() == 2));
        assert!(all.iter().any(|i| i.practices.is_empty() && i.user_info().get("SubjectRefPro").is_none()));
        assert!(all.iter().any(|i| i.practices.iter().any(|p| p.activities.is_empty())));
        for rpps in ids.iter().filter_map(|id| id.strip_prefix('8')) {
            assert!(luhn(rpps), "{rpps}");
        }
    }

    fn luhn(digits: &str) -> bool {
        let sum: u32 = digits
            .bytes()
            .rev()
            .enumerate()
            .map(|(at, digit)| {
                let value = u32::from(digit - b'0') * (1 + at as u32 % 2);
                if value > 9 { value - 9 } else { value }
            })
            .sum();
        sum.is_multiple_of(10)
    }
}
