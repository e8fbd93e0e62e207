//! Names of nobody: surnames from syllables, first names as common as in any register.

use kernel::Rng;

/// How many different surnames there are.
pub(super) const SURNAMES: usize = 150_000;

const HEADS: [&str; 48] = [
    "BA", "BER", "BOU", "BRU", "CA", "CHA", "CHE", "COR", "CRE", "DA", "DEL", "DRO", "DU", "FA", "FER", "FLO", "FOU",
    "GA", "GRI", "GUI", "HE", "JO", "LA", "LEM", "LO", "MA", "MER", "MI", "MOR", "NA", "NOR", "PA", "PER", "PLA", "POI",
    "RA", "RE", "RI", "ROU", "SA", "SER", "TA", "TER", "TRI", "VA", "VER", "VI", "WA",
];
const MIDDLES: [&str; 64] = [
    "BA", "BE", "BI", "BRE", "CA", "CHA", "CHE", "CO", "DA", "DE", "DI", "DRE", "FA", "FE", "FI", "GA", "GNE", "GO",
    "GRE", "LA", "LE", "LI", "LLE", "LO", "MA", "ME", "MI", "MO", "NA", "NE", "NI", "NO", "PA", "PE", "PI", "PRE", "QUE",
    "RA", "RE", "RI", "RO", "SA", "SE", "SI", "SO", "TA", "TE", "TI", "TRE", "TO", "VA", "VE", "VI", "VRE", "ZE", "BON",
    "CAN", "DAN", "LAN", "MAN", "PIN", "RAN", "SIN", "TIN",
];
const TAILS: [&str; 56] = [
    "AC", "AIN", "AND", "ARD", "AS", "AUD", "AULT", "AUX", "EAU", "EL", "ELLE", "ENC", "ERT", "ET", "ETTE", "EUIL", "EY",
    "IAC", "IER", "IEUX", "IN", "INE", "ION", "IS", "LET", "LIN", "LOT", "MOND", "NARD", "NET", "NIER", "NOIS", "ON",
    "OT", "OUX", "QUET", "RAC", "RAND", "RARD", "REAU", "RET", "RIC", "RIN", "SAC", "SART", "SEL", "SIER", "SON", "TAIN",
    "TEL", "TIER", "TON", "VAL", "VEL", "VIN", "VOIS",
];

/// The surname of this rank; two ranks may, rarely, have one name, as in life.
pub(super) fn surname(rank: usize) -> String {
    // A walk over all combinations that looks like none: 48 × 64 × 56 = 172 032, and 7919 shares no factor with it.
    let spot = (rank * 7919) % (HEADS.len() * MIDDLES.len() * TAILS.len());
    let (head, rest) = (spot % HEADS.len(), spot / HEADS.len());
    let (middle, tail) = (rest % MIDDLES.len(), rest / MIDDLES.len());
    format!("{}{}{}", HEADS[head], MIDDLES[middle], TAILS[tail])
}

/// A surname as people bear them: doubles, particles, apostrophes, very short ones, accents.
pub(super) fn family(rng: &mut Rng, rank: usize, other: usize) -> String {
    let name = surname(rank);
    match rng.below(1000) {
        0..80 => format!("{name}-{}", surname(other)),
        80..90 => format!("LE {name}"),
        90..97 => format!("DE {name}"),
        97..100 => format!("DE LA {name}"),
        100..110 => format!("D'{name}"),
        110..115 => ["LY", "NG", "OZ", "HO", "UM", "AY"][rng.below(6) as usize].to_owned(),
        115..145 => name.replacen("RE", "RÉ", 1).replacen("NE", "NÉ", 1),
        _ => name,
    }
}

/// First names, roughly by frequency; the register of first names is public and names nobody.
const GIVEN: &[&str] = &[
    "Marie", "Jean", "Philippe", "Nathalie", "Isabelle", "Michel", "Catherine", "Pierre", "Sylvie", "Alain", "Patrick",
    "Christophe", "Nicolas", "Stéphane", "Christine", "Valérie", "Laurent", "Sandrine", "Julien", "Céline", "Sophie",
    "Frédéric", "David", "Stéphanie", "Anne", "Thomas", "Véronique", "Éric", "Olivier", "Virginie", "Sébastien", "Aurélie",
    "Bernard", "Alexandre", "Julie", "Camille", "Thierry", "Pascal", "Émilie", "Élodie", "Claire", "Guillaume", "Pauline",
    "Laura", "Bruno", "Antoine", "Mathilde", "Benoît", "Florence", "Hélène", "Vincent", "Jérôme", "Dominique", "Corinne",
    "Delphine", "Caroline", "Karine", "Maxime", "Romain", "Clément", "Anthony", "Marine", "Lucie", "Charlotte", "Manon",
    "Léa", "Chloé", "Emma", "Sarah", "Justine", "Margaux", "Alice", "Louise", "Juliette", "Agnès", "Brigitte", "Monique",
    "Françoise", "Martine", "Nicole", "Jacqueline", "Denise", "Gérard", "Jacques", "André", "Claude", "Daniel", "Serge",
    "Gilles", "Didier", "Yves", "Marc", "Luc", "Paul", "Louis", "Hugo", "Lucas", "Arthur", "Jules", "Gabriel", "Raphaël",
    "Adam", "Léo", "Nathan", "Théo", "Quentin", "Valentin", "Florian", "Kevin", "Jérémy", "Adrien", "Simon", "Benjamin",
    "Matthieu", "Mathieu", "Arnaud", "Fabrice", "Cédric", "Ludovic", "Franck", "Hervé", "Xavier", "Emmanuel", "Emmanuelle",
    "Gaëlle", "Gaël", "Yann", "Loïc", "Erwan", "Maël", "Ronan", "Tanguy", "Solène", "Nolwenn", "Morgane", "Audrey",
    "Mélanie", "Amélie", "Laetitia", "Séverine", "Angélique", "Estelle", "Élise", "Cécile", "Béatrice", "Geneviève",
    "Odile", "Colette", "Danielle", "Josiane", "Ginette", "Simone", "Yvette", "Paulette", "Jeanne", "Marguerite", "Madeleine",
    "Suzanne", "Lucienne", "Roger", "René", "Robert", "Marcel", "Henri", "Raymond", "Georges", "Maurice", "Roland",
    "Fatima", "Mohamed", "Karim", "Nadia", "Samira", "Rachid", "Leïla", "Mehdi", "Yasmine", "Amina", "Inès", "Sofia",
    "Ana", "Maria", "Carlos", "José", "Elena", "Ioana", "Andrei", "Mihaela", "Dan", "Minh", "Linh", "Hoa", "Victor",
    "Victoire", "Zoé", "Lina", "Jade", "Rose",
];

/// A first name; about one in eight is compound.
pub(super) fn given(rng: &mut Rng, rank: usize) -> String {
    let name = GIVEN[rank % GIVEN.len()];
    match rng.below(100) {
        0..9 => format!("{name}-{}", GIVEN[rng.below(60) as usize]),
        9..12 => format!("{name} {}", GIVEN[rng.below(60) as usize]),
        12..22 => crate::text::without_marks(name),
        _ => name.to_owned(),
    }
}

/// How many first names there are.
pub(super) const GIVENS: usize = GIVEN.len();
