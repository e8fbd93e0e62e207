//! Cities, streets and departments: real places, where nobody of the synthetic extraction lives.

use std::sync::LazyLock;

use kernel::Rng;

use super::Row;

/// A city of the synthetic extraction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct City {
    /// As the State writes it, in capitals without accents; arrondissements as `PARIS 09`.
    pub name: String,
    /// Five digits.
    pub postcode: String,
    /// Code of the department: `03`, `2A`, `975`.
    pub department: &'static str,
    /// Name of the department.
    pub department_name: &'static str,
    /// Sum of the weights of the cities up to this one.
    upto: u64,
}

static DEPARTMENTS: LazyLock<Vec<(&'static str, &'static str)>> = LazyLock::new(|| {
    let lines = include_str!("../../data/departments.tsv").lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split_once('\t')).collect()
});

static CITIES: LazyLock<Vec<City>> = LazyLock::new(|| {
    let mut cities = Vec::new();
    let mut upto = 0;
    let mut add = |name: String, postcode: String, weight: u64| {
        let Some((department, department_name)) = department_of(&postcode) else { return };
        upto += weight;
        cities.push(City { name, postcode, department, department_name, upto });
    };
    for district in 1..=20 {
        add(format!("PARIS {district:02}"), format!("750{district:02}"), 1060);
    }
    for district in 1..=9 {
        add(format!("LYON {district:02}"), format!("6900{district}"), 580);
    }
    for district in 1..=16 {
        add(format!("MARSEILLE {district:02}"), format!("130{district:02}"), 540);
    }
    for line in include_str!("../../data/cities.tsv").lines().filter(|line| !line.starts_with('#')) {
        let mut fields = line.split('\t');
        let (Some(name), Some(postcode), Some(weight)) = (fields.next(), fields.next(), fields.next()) else {
            continue;
        };
        add(name.to_owned(), postcode.to_owned(), weight.parse().unwrap_or(1));
    }
    // Small towns, which most people live in: names of a usual shape that may or may not exist.
    let mut rng = Rng::seeded(3);
    for number in 0..3_000_u64 {
        let (department, _) = DEPARTMENTS[rng.below(96) as usize];
        let digits = match department {
            "2A" => "201".to_owned(),
            "2B" => "202".to_owned(),
            other => format!("{other}{}", 1 + rng.below(9)),
        };
        let postcode = format!("{digits}{}0", rng.below(10));
        add(town(number), postcode, 8 + rng.below(60));
    }
    cities
});

fn town(number: u64) -> String {
    const FIRST: [&str; 20] = [
        "ST MARTIN",
        "ST GERMAIN",
        "ST LAURENT",
        "STE COLOMBE",
        "VILLENEUVE",
        "CHATEAUNEUF",
        "MONTFORT",
        "BEAUMONT",
        "LA CHAPELLE",
        "VILLIERS",
        "BELLEVUE",
        "ROCHEFORT",
        "LE BOURG",
        "ST AUBIN",
        "STE CROIX",
        "NEUVILLE",
        "ST JULIEN",
        "CHAMPAGNE",
        "MAREUIL",
        "AUBIGNY",
    ];
    const SECOND: [&str; 50] = [
        "LOIRE", "SEINE", "MARNE", "OISE", "CHER", "ALLIER", "SARTHE", "VIENNE", "CREUSE", "DORDOGNE", "LOT",
        "TARN", "GARONNE", "ADOUR", "RHONE", "ISERE", "DROME", "DURANCE", "MEUSE", "MOSELLE", "SAONE",
        "DOUBS", "YONNE", "AUBE", "EURE", "ORNE", "VIRE", "RANCE", "VILAINE", "ODET", "MAYENNE", "LOIR",
        "INDRE", "SIOULE", "DORE", "TRUYERE", "AVEYRON", "AGOUT", "ARIEGE", "AUDE", "ORB", "HERAULT", "GARD",
        "ARDECHE", "EYRIEUX", "AIN", "ARVE", "FIER", "VERDON", "VAR",
    ];
    let (first, second) = ((number % 20) as usize, ((number / 20) % 50) as usize);
    let link = ["SUR", "EN", "LES"][((number / 1000) % 3) as usize];
    format!("{} {link} {}", FIRST[first], SECOND[second])
}

/// Every city of the synthetic extraction, arrondissements of Paris, Lyon and Marseille among them.
pub fn cities() -> &'static [City] {
    &CITIES
}

fn department_of(postcode: &str) -> Option<(&'static str, &'static str)> {
    let code = match postcode.get(..3)? {
        "200" | "201" => "2A",
        "202" | "206" => "2B",
        "970" => "971",
        overseas if overseas.starts_with("97") || overseas.starts_with("98") => overseas,
        other => other.get(..2)?,
    };
    DEPARTMENTS.iter().find(|(known, _)| *known == code).copied()
}

pub(super) fn draw(rng: &mut Rng) -> &'static City {
    let spot = rng.below(CITIES.last().map_or(1, |city| city.upto));
    let at = CITIES.partition_point(|city| city.upto <= spot);
    &CITIES[at.min(CITIES.len() - 1)]
}

const TYPES: [(&str, u64); 14] = [
    ("R", 520),
    ("AV", 160),
    ("BD", 90),
    ("PL", 70),
    ("RTE", 40),
    ("CHE", 40),
    ("ALL", 25),
    ("IMP", 15),
    ("SQ", 8),
    ("QU", 10),
    ("CRS", 8),
    ("FG", 5),
    ("LOT", 5),
    ("PAS", 4),
];

const STREETS: [&str; 90] = [
    "DE L EGLISE",
    "DE LA REPUBLIQUE",
    "VICTOR HUGO",
    "DE LA GARE",
    "DU GENERAL DE GAULLE",
    "JEAN JAURES",
    "PASTEUR",
    "DE LA MAIRIE",
    "GAMBETTA",
    "DES ECOLES",
    "DU MOULIN",
    "DE LA FONTAINE",
    "DU CHATEAU",
    "JULES FERRY",
    "EMILE ZOLA",
    "DU STADE",
    "DES LILAS",
    "DES ACACIAS",
    "DU MARCHE",
    "DE VERDUN",
    "DU 8 MAI 1945",
    "DU 11 NOVEMBRE",
    "DE LA LIBERATION",
    "ARISTIDE BRIAND",
    "DU MARECHAL FOCH",
    "DU MARECHAL LECLERC",
    "JEAN MOULIN",
    "ANATOLE FRANCE",
    "VOLTAIRE",
    "ROUSSEAU",
    "MOLIERE",
    "RACINE",
    "LAMARTINE",
    "MARIE CURIE",
    "CLAUDE BERNARD",
    "AMBROISE PARE",
    "LAENNEC",
    "BICHAT",
    "DE LA PAIX",
    "DE LA LIBERTE",
    "DE L HOPITAL",
    "DES CARMES",
    "DES JACOBINS",
    "DES CORDELIERS",
    "DES MARRONNIERS",
    "DES TILLEULS",
    "DES PLATANES",
    "DES PEUPLIERS",
    "DES CHENES",
    "DU PARC",
    "DU LAC",
    "DU PORT",
    "DE LA PLAGE",
    "DE LA MER",
    "DE LA FORET",
    "DU BOIS",
    "DES VIGNES",
    "DES CHAMPS",
    "DES PRES",
    "DU PONT",
    "DE LA RIVIERE",
    "DES REMPARTS",
    "DU FOUR",
    "DU PUITS",
    "DE LA CROIX",
    "ST MICHEL",
    "ST JEAN",
    "ST PIERRE",
    "ST NICOLAS",
    "STE ANNE",
    "NOTRE DAME",
    "SADI CARNOT",
    "FELIX FAURE",
    "THIERS",
    "CLEMENCEAU",
    "RASPAIL",
    "DIDEROT",
    "DESCARTES",
    "BALZAC",
    "FLAUBERT",
    "ALBERT CAMUS",
    "ANTOINE DE ST EXUPERY",
    "MERMOZ",
    "GUYNEMER",
    "DE BRETAGNE",
    "DE NORMANDIE",
    "D ALSACE",
    "DE LORRAINE",
    "DE PARIS",
    "DE LYON",
];

/// Writes an address of this city into the row: most have a street, some a CEDEX, a few no postcode.
pub(super) fn settle(rng: &mut Rng, city: &City, row: &mut Row) {
    if rng.below(100) < 92 {
        let mut left = rng.below(1000);
        for (code, weight) in TYPES {
            if left < weight {
                row.street_type = code;
                break;
            }
            left -= weight;
        }
        row.street = STREETS[rng.below(STREETS.len() as u64) as usize].to_owned();
        if rng.below(100) < 90 {
            row.number = (1 + rng.below(220)).to_string();
        }
    }
    row.city.clone_from(&city.name);
    row.department = city.department_name;
    let mut postcode = city.postcode.clone();
    let mut name = city.name.clone();
    if rng.below(100) < 12 {
        // A CEDEX has a postcode of its own; that of a big city keeps the number of the arrondissement.
        name = match name.rsplit_once(' ') {
            Some((city, district)) if district.len() == 2 && district.bytes().all(|b| b.is_ascii_digit()) => {
                format!("{city} CEDEX {district}")
            }
            _ => format!("{name} CEDEX"),
        };
        if postcode.ends_with('0') {
            postcode.replace_range(4.., &(1 + rng.below(9)).to_string());
        }
    }
    row.city_line = format!("{postcode} {name}");
    row.postcode = if rng.below(100) < 5 { String::new() } else { postcode };
}
