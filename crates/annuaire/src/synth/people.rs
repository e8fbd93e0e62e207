use kernel::Rng;

use super::places::{self, City};
use super::trades::{self, Trade};
use super::{Row, names};

/// How many domains there are.
const DOMAINS: usize = 5_000;

/// How many people are remembered, so that one person has several boxes and several people one structure.
const REMEMBERED: usize = 4_096;

/// A population that depends on its seed alone.
#[derive(Clone, Debug)]
pub struct People {
    seed: u64,
}

impl People {
    /// The population of this seed.
    pub fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// Its first `count` lines; those of a smaller count are the first of a larger one.
    pub fn rows(&self, count: u64) -> Rows {
        Rows {
            rng: Rng::seeded(self.seed),
            seed: self.seed,
            number: 0,
            count,
            surnames: Zipf::new(names::SURNAMES, 0.85),
            givens: Zipf::new(names::GIVENS, 0.7),
            domains: Zipf::new(DOMAINS, 1.15),
            persons: Vec::new(),
            structures: Vec::new(),
        }
    }
}

/// The lines, one after the other: see [`People::rows`].
#[derive(Debug)]
pub struct Rows {
    rng: Rng,
    seed: u64,
    number: u64,
    count: u64,
    surnames: Zipf,
    givens: Zipf,
    domains: Zipf,
    persons: Vec<Row>,
    structures: Vec<Structure>,
}

#[derive(Clone, Debug)]
struct Structure {
    id: String,
    name: String,
    brand: String,
    domain: String,
    row: Row,
}

impl Iterator for Rows {
    type Item = Row;

    fn next(&mut self) -> Option<Row> {
        if self.number == self.count {
            return None;
        }
        self.number += 1;
        let row = match self.rng.below(1000) {
            0..148 => self.service(),
            148..150 => self.machine(),
            150..215 if !self.persons.is_empty() => self.again(),
            _ => self.person(),
        };
        Some(row)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = usize::try_from(self.count - self.number).unwrap_or(usize::MAX);
        (left, Some(left))
    }
}

impl Rows {
    fn person(&mut self) -> Row {
        let trade = trades::draw(&mut self.rng);
        let rank = self.surnames.draw(&mut self.rng);
        let other = self.surnames.draw(&mut self.rng);
        let family = names::family(&mut self.rng, rank, other);
        let given_rank = self.givens.draw(&mut self.rng);
        let given = names::given(&mut self.rng, given_rank);
        let mut row = Row {
            kind: if self.rng.below(1000) < 4 { "CAB" } else { "PER" },
            rpps: self.rpps(),
            civility: civility(&mut self.rng, &trade),
            family,
            given,
            category: ["C", "C", "C", "C", "C", "C", "C", "C", "M", "E"][self.rng.below(10) as usize],
            profession: trade.code,
            profession_label: trade.label,
            skill: trade.skill,
            skill_label: trade.skill_label,
            paperless: self.rng.below(100) < 70,
            ..Row::default()
        };
        self.place(&mut row);
        row.address = self.address(&row);
        self.remember(&row);
        row
    }

    /// Where a person works: nowhere said, in a structure that is known already, or in a practice of their own.
    fn place(&mut self, row: &mut Row) {
        match self.rng.below(100) {
            0..8 => {}
            8..48 if !self.structures.is_empty() => {
                let structure = self.any_structure();
                take_place(row, &structure.row);
                row.structure = structure.id;
                row.organization = structure.name;
                row.brand = structure.brand;
            }
            _ => {
                let city = places::draw(&mut self.rng);
                places::settle(&mut self.rng, city, row);
                row.structure = format!("4{}{:03}", row.rpps, 1 + self.rng.below(9));
                row.organization = if self.rng.below(100) < 60 {
                    format!("CABINET DU {} {} {}", row.civility, row.given.to_uppercase(), row.family)
                } else {
                    String::new()
                };
            }
        }
    }

    /// Another box, or another place, of somebody who has one already.
    fn again(&mut self) -> Row {
        let at = self.rng.below(self.persons.len() as u64) as usize;
        let known = self.persons[at].clone();
        let mut row = Row {
            kind: "PER",
            rpps: known.rpps,
            civility: known.civility,
            family: known.family,
            given: known.given,
            category: known.category,
            profession: known.profession,
            profession_label: known.profession_label,
            skill: known.skill,
            skill_label: known.skill_label,
            paperless: known.paperless,
            ..Row::default()
        };
        self.place(&mut row);
        // Rarely the same address on another structure, as in the real extraction; else a second box.
        row.address = if self.rng.below(200) == 0 { known.address } else { self.address(&row) };
        row
    }

    /// A box of a service.
    fn service(&mut self) -> Row {
        let structure = if self.structures.is_empty() || self.rng.below(100) < 22 {
            self.new_structure()
        } else {
            self.any_structure()
        };
        const SERVICES: [&str; 24] = [
            "Service des admissions",
            "Secrétariat médical",
            "Cardiologie",
            "Urgences",
            "Pédiatrie",
            "Maternité",
            "Imagerie médicale",
            "Laboratoire",
            "Chirurgie",
            "Gériatrie",
            "Consultations externes",
            "Pharmacie",
            "Hospitalisation à domicile",
            "Neurologie",
            "Pneumologie",
            "Oncologie",
            "Soins palliatifs",
            "Psychiatrie",
            "Direction",
            "Bureau des entrées",
            "Secrétariat de rhumatologie",
            "Ophtalmologie",
            "Anesthésie",
            "Rééducation",
        ];
        let service = SERVICES[self.rng.below(24) as usize];
        let mut row = Row {
            kind: "ORG",
            structure: structure.id,
            service: service.to_owned(),
            paperless: self.rng.below(100) < 80,
            organization: structure.name,
            brand: structure.brand,
            ..Row::default()
        };
        take_place(&mut row, &structure.row);
        let local = slug(service);
        row.address = format!("{local}.{}@{}", base36(self.number), structure.domain);
        row
    }

    fn machine(&mut self) -> Row {
        let mut row = self.service();
        row.kind = "APP";
        row.service = "Envoi automatique".to_owned();
        row.address = format!("robot.{}", row.address);
        row
    }

    fn any_structure(&mut self) -> Structure {
        let at = self.rng.below(self.structures.len() as u64) as usize;
        self.structures[at].clone()
    }

    fn new_structure(&mut self) -> Structure {
        let city = places::draw(&mut self.rng);
        let (name, brand, short) = organization(&mut self.rng, city);
        let mut row = Row::default();
        places::settle(&mut self.rng, city, &mut row);
        let id = if self.rng.below(100) < 70 {
            format!("199{:07}", self.number % 10_000_000)
        } else {
            format!("3000000{:08}", self.number % 100_000_000)
        };
        let domain = format!("{short}-{}.mssante.test", base36(self.number));
        let structure = Structure { id, name, brand, domain, row };
        if self.structures.len() < REMEMBERED * 4 {
            self.structures.push(structure.clone());
        } else {
            let at = self.rng.below(self.structures.len() as u64) as usize;
            self.structures[at] = structure.clone();
        }
        structure
    }

    fn remember(&mut self, row: &Row) {
        if self.persons.len() < REMEMBERED {
            self.persons.push(row.clone());
        } else {
            let at = self.rng.below(REMEMBERED as u64) as usize;
            self.persons[at] = row.clone();
        }
    }

    fn address(&mut self, row: &Row) -> String {
        let rank = self.domains.draw(&mut self.rng);
        let domain = match (rank, row.profession) {
            (0, "10") => "medecin.mssante.test".to_owned(),
            (0, "60") => "infirmier.mssante.test".to_owned(),
            (0, "70") => "masseur-kinesitherapeute.mssante.test".to_owned(),
            (0, "21") => "pharmacien.mssante.test".to_owned(),
            (0, _) => "pro.mssante.test".to_owned(),
            (1, _) => "region.mssante.test".to_owned(),
            (2..17, _) => format!("operateur-{rank}.mssante.test"),
            _ => format!("{}-{rank}.mssante.test", ["ch", "clinique", "ehpad", "labo"][rank % 4]),
        };
        format!("{}.{}.{}@{domain}", slug(&row.given), slug(&row.family), base36(self.number))
    }

    /// 999, seven digits that do not follow each other, and the key of Luhn: a range that no authority gives.
    fn rpps(&self) -> String {
        let mixed = self.number.wrapping_mul(6_364_137).wrapping_add(self.seed.wrapping_mul(7_919));
        let digits = mixed % 10_000_000;
        let body = format!("999{digits:07}");
        format!("{body}{}", luhn_key(&body))
    }
}

fn civility(rng: &mut Rng, trade: &Trade) -> &'static str {
    match trade.code {
        "10" | "40" if rng.below(40) == 0 => "PR",
        "10" | "40" | "21" => "DR",
        _ => ["M", "MME"][rng.below(2) as usize],
    }
}

fn organization(rng: &mut Rng, city: &City) -> (String, String, &'static str) {
    const SAINTS: [&str; 16] = [
        "ST JOSEPH",
        "ST LUC",
        "STE MARIE",
        "DES TILLEULS",
        "DU PARC",
        "LES OLIVIERS",
        "BEAU SOLEIL",
        "DES ACACIAS",
        "BELLE RIVE",
        "LES MIMOSAS",
        "DE LA VALLEE",
        "DU CENTRE",
        "LES HORTENSIAS",
        "PASTEUR",
        "AMBROISE PARE",
        "LAENNEC",
    ];
    let which = SAINTS[rng.below(16) as usize];
    let town = city.name.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end();
    match rng.below(10) {
        0 => (format!("CENTRE HOSPITALIER DE {town}"), format!("CH {town}"), "ch"),
        1 => (format!("CLINIQUE {which}"), String::new(), "clinique"),
        2 | 3 => (format!("EHPAD {which}"), format!("RESIDENCE {which}"), "ehpad"),
        4 => (format!("LABORATOIRE DE BIOLOGIE {which}"), format!("LABO {which}"), "labo"),
        5 => (format!("PHARMACIE {which}"), String::new(), "pharmacie"),
        6 => (format!("MAISON DE SANTE {which}"), format!("MSP {town}"), "msp"),
        7 => (format!("CENTRE D IMAGERIE MEDICALE {which}"), String::new(), "imagerie"),
        8 => (format!("SSIAD DE {town}"), String::new(), "ssiad"),
        _ => (format!("SELARL {which} {town}"), String::new(), "selarl"),
    }
}

fn take_place(row: &mut Row, from: &Row) {
    row.number.clone_from(&from.number);
    row.street_type = from.street_type;
    row.street.clone_from(&from.street);
    row.city_line.clone_from(&from.city_line);
    row.postcode.clone_from(&from.postcode);
    row.city.clone_from(&from.city);
    row.department = from.department;
}

/// Lower-case letters and hyphens only.
fn slug(name: &str) -> String {
    crate::text::fold(name).replace(' ', "-")
}

fn base36(mut number: u64) -> String {
    let mut digits = Vec::new();
    while number > 0 || digits.is_empty() {
        digits.push(b"0123456789abcdefghijklmnopqrstuvwxyz"[(number % 36) as usize]);
        number /= 36;
    }
    digits.reverse();
    digits.into_iter().map(char::from).collect()
}

/// Key digit of ISO/IEC 7812-1, which RPPS numbers end with.
fn luhn_key(body: &str) -> u32 {
    let sum: u32 = body
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let digit = u32::from(digit - b'0');
            if place % 2 == 0 { digit * 2 / 10 + digit * 2 % 10 } else { digit }
        })
        .sum();
    (10 - sum % 10) % 10
}

/// Ranks drawn so that the first is the most frequent: weight 1/rank^s.
#[derive(Debug)]
struct Zipf(Vec<f64>);

impl Zipf {
    fn new(count: usize, exponent: f64) -> Self {
        let mut sum = 0.0;
        Self(
            (1..=count)
                .map(|rank| {
                    sum += (rank as f64).powf(-exponent);
                    sum
                })
                .collect(),
        )
    }

    fn draw(&self, rng: &mut Rng) -> usize {
        let total = self.0.last().copied().unwrap_or(1.0);
        let spot = (rng.draw() >> 11) as f64 / (1_u64 << 53) as f64 * total;
        self.0.partition_point(|upto| *upto <= spot).min(self.0.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_seed_same_people_and_the_first_of_more_are_the_same() {
        let few: Vec<Row> = People::new(7).rows(500).collect();
        let more: Vec<Row> = People::new(7).rows(1_000).take(500).collect();
        assert_eq!(few, more);
        assert_ne!(few, People::new(8).rows(500).collect::<Vec<_>>());
    }

    #[test]
    fn numbers_are_of_the_range_that_nobody_has_and_their_key_is_right() {
        assert_eq!(luhn_key("9970042788"), 5);
        for row in People::new(1).rows(2_000).filter(|row| !row.rpps.is_empty()) {
            assert!(row.rpps.starts_with("999") && row.rpps.len() == 11, "{}", row.rpps);
            assert_eq!(row.rpps[10..], luhn_key(&row.rpps[..10]).to_string());
            assert!(row.address.ends_with(".mssante.test"));
        }
    }

    #[test]
    fn every_line_has_31_columns_and_most_boxes_are_personal() {
        let rows: Vec<Row> = People::new(2).rows(20_000).collect();
        assert!(rows.iter().all(|row| row.line().split('|').count() == 31));
        let personal = rows.iter().filter(|row| row.kind == "PER").count();
        assert!((16_400..17_300).contains(&personal), "{personal}");
    }
}
