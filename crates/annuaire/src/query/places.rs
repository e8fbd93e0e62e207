//! What is known of places: street types, arrondissements, departments, words that say nothing.

use std::sync::LazyLock;

use crate::text::fold;

/// Short and long forms of street types (AFNOR), folded.
const STREET_TYPES: &[(&str, &str)] = &[
    ("r", "rue"),
    ("av", "avenue"),
    ("ave", "avenue"),
    ("bd", "boulevard"),
    ("bld", "boulevard"),
    ("blvd", "boulevard"),
    ("bvd", "boulevard"),
    ("pl", "place"),
    ("plc", "place"),
    ("che", "chemin"),
    ("chem", "chemin"),
    ("ch", "chemin"),
    ("rte", "route"),
    ("all", "allee"),
    ("imp", "impasse"),
    ("sq", "square"),
    ("qu", "quai"),
    ("qua", "quartier"),
    ("crs", "cours"),
    ("fg", "faubourg"),
    ("fbg", "faubourg"),
    ("lot", "lotissement"),
    ("res", "residence"),
    ("pas", "passage"),
    ("pass", "passage"),
    ("vla", "villa"),
    ("esp", "esplanade"),
    ("prom", "promenade"),
    ("ham", "hameau"),
    ("ld", "lieu dit"),
    ("za", "za"),
    ("zi", "zi"),
    ("zac", "zac"),
    ("rpt", "rond point"),
    ("rdpt", "rond point"),
    ("car", "carrefour"),
    ("cite", "cite"),
    ("clos", "clos"),
    ("cor", "corniche"),
    ("cote", "cote"),
    ("dom", "domaine"),
    ("dsc", "descente"),
    ("eca", "ecart"),
    ("gr", "grande rue"),
    ("grr", "grande rue"),
    ("hle", "halle"),
    ("mar", "marche"),
    ("mte", "montee"),
    ("pkg", "parking"),
    ("ple", "passerelle"),
    ("plt", "plateau"),
    ("prv", "parvis"),
    ("rle", "ruelle"),
    ("roc", "rocade"),
    ("sen", "sentier"),
    ("ter", "terre plein"),
    ("tpl", "terre plein"),
    ("tra", "traverse"),
    ("vte", "vieille route"),
    ("voi", "voie"),
    ("vc", "voie communale"),
    ("vlge", "village"),
];

/// The long form of a street type in its own column of an extraction, where it is a code and nothing else.
pub(crate) fn street_type(folded: &str) -> Option<&'static str> {
    STREET_TYPES.iter().find(|(short, _)| *short == folded).map(|(_, long)| *long)
}

/// Short forms that are a street type wherever they stand: no other word is written so.
const SURE: [&str; 17] = [
    "av", "ave", "bd", "bld", "blvd", "bvd", "pl", "plc", "rte", "imp", "sq", "crs", "fg", "fbg", "vla",
    "esp", "chem",
];

/// The word in full where it is a usual abbreviation: `st` saint, `av` avenue; else as it is.
pub(crate) fn long_word(word: &str) -> &str {
    match word {
        "st" => "saint",
        "ste" => "sainte",
        "gal" => "general",
        "mal" => "marechal",
        "pdt" => "president",
        "dct" => "docteur",
        sure if SURE.contains(&sure) => street_type(sure).unwrap_or(sure),
        other => other,
    }
}

/// Words that link others and say nothing themselves.
pub(crate) fn is_link(word: &str) -> bool {
    matches!(
        word,
        "de" | "du"
            | "des"
            | "d"
            | "la"
            | "le"
            | "les"
            | "l"
            | "et"
            | "a"
            | "au"
            | "aux"
            | "en"
            | "sur"
            | "sous"
            | "s"
            | "lez"
            | "chez"
            | "dans"
            | "pour"
            | "par"
            | "ou"
            | "un"
            | "une"
    )
}

/// Titles before a name.
pub(crate) fn is_civility(word: &str) -> bool {
    matches!(
        word,
        "dr" | "docteur"
            | "doc"
            | "pr"
            | "prof"
            | "professeur"
            | "m"
            | "mr"
            | "mme"
            | "madame"
            | "monsieur"
            | "mlle"
            | "mademoiselle"
            | "me"
            | "maitre"
    )
}

/// Words that ask for a structure rather than a person.
pub(crate) fn is_facility(word: &str) -> bool {
    matches!(
        word,
        "ch" | "chu"
            | "chr"
            | "clinique"
            | "ehpad"
            | "labo"
            | "laboratoire"
            | "pharmacie"
            | "msp"
            | "cpts"
            | "ssiad"
            | "had"
            | "hopital"
            | "centre"
            | "cabinet"
            | "maison"
            | "selarl"
            | "scm"
            | "secretariat"
            | "service"
            | "usld"
            | "polyclinique"
            | "imagerie"
            | "officine"
            | "dispensaire"
            | "hospitalier"
            | "residence"
    )
}

static DEPARTMENTS: LazyLock<Vec<(&'static str, String)>> = LazyLock::new(|| {
    let lines = include_str!("../../data/departments.tsv").lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split_once('\t')).map(|(code, name)| (code, fold(name))).collect()
});

/// The department of a postcode: two digits, `2A` or `2B` for Corsica, three digits overseas.
pub(crate) fn department_of(postcode: &str) -> &str {
    match postcode.get(..3) {
        Some("200" | "201") => "2A",
        Some("202" | "206") => "2B",
        Some("970") => "971",
        Some(overseas) if overseas.starts_with("97") || overseas.starts_with("98") => overseas,
        _ => postcode.get(..2).unwrap_or_default(),
    }
}

/// The code of a department by its code or its folded name.
pub(crate) fn department(folded: &str) -> Option<&'static str> {
    let known = |(code, name): &&(&'static str, String)| code.eq_ignore_ascii_case(folded) || name == folded;
    DEPARTMENTS.iter().find(known).map(|(code, _)| *code)
}

/// The code of a department by its folded name, which may have several words.
pub(crate) fn department_named(folded: &str) -> Option<&'static str> {
    DEPARTMENTS.iter().find(|(_, name)| name == folded).map(|(code, _)| *code)
}

/// The name of a department, folded.
pub(crate) fn department_name(code: &str) -> Option<&'static str> {
    DEPARTMENTS.iter().find(|(known, _)| known.eq_ignore_ascii_case(code)).map(|(_, name)| name.as_str())
}

/// The postcode of `paris 9`, `paris 09`, `paris 9e arrondissement`, `paris ix`, `paris cedex 09`, folded.
pub(crate) fn arrondissement(folded: &str) -> Option<String> {
    let mut words = folded.split(' ').skip_while(|word| !matches!(*word, "paris" | "lyon" | "marseille"));
    let city = words.next()?;
    let mut words = words.filter(|word| *word != "cedex");
    district_postcode(city, words.next()?)
}

/// The postcode of this arrondissement of this city.
pub(crate) fn district_postcode(city: &str, district: &str) -> Option<String> {
    let digits = district.trim_end_matches("arrondissement").trim_end_matches("eme").trim_end_matches("er");
    let digits = digits.strip_suffix('e').unwrap_or(digits);
    let number = match digits.parse::<u32>() {
        Ok(number) if digits.len() <= 2 => number,
        _ => roman(district)?,
    };
    let (most, first) = match city {
        "paris" => (20, 75_000),
        "lyon" => (9, 69_000),
        "marseille" => (16, 13_000),
        _ => return None,
    };
    (1..=most).contains(&number).then(|| (first + number).to_string())
}

fn roman(word: &str) -> Option<u32> {
    const ROMAN: [&str; 20] = [
        "i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii", "xiii", "xiv", "xv", "xvi",
        "xvii", "xviii", "xix", "xx",
    ];
    let word = word.strip_suffix("eme").or_else(|| word.strip_suffix('e')).unwrap_or(word);
    ROMAN.iter().position(|known| *known == word).and_then(|at| u32::try_from(at + 1).ok())
}

/// The postcode and the city of an AFNOR line 6: `75009 PARIS`, `BOULOGNE CEDEX`; the city without CEDEX.
pub(crate) fn city_of_line(line: &str) -> (&str, String) {
    let line = line.trim();
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let (postcode, city) = if digits == 5 { (&line[..5], line[5..].trim_start()) } else { ("", line) };
    let upper = city.to_ascii_uppercase();
    let end = upper.find(" CEDEX").unwrap_or(if upper == "CEDEX" { 0 } else { city.len() });
    (postcode, city[..end].trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrondissements_are_read_as_people_write_them() {
        for text in
            ["paris 9", "paris 09", "paris 9e", "paris 9eme arrondissement", "paris ix", "paris cedex 09"]
        {
            assert_eq!(arrondissement(text).as_deref(), Some("75009"), "{text}");
        }
        assert_eq!(arrondissement("lyon 3").as_deref(), Some("69003"));
        assert_eq!(arrondissement("marseille 16").as_deref(), Some("13016"));
        assert_eq!(arrondissement("lyon 10"), None);
        assert_eq!(arrondissement("paris"), None);
        assert_eq!(arrondissement("nice 2"), None);
    }

    #[test]
    fn departments_are_those_of_postcodes_also_overseas_and_in_corsica() {
        let codes = ["03100", "20000", "20200", "97500", "97133", "98800"].map(department_of);
        assert_eq!(codes, ["03", "2A", "2B", "975", "971", "988"]);
        assert_eq!(department_named("seine saint denis"), Some("93"));
        assert_eq!(department("2a"), Some("2A"));
    }

    #[test]
    fn lines_of_cities_lose_their_postcode_and_cedex() {
        assert_eq!(city_of_line("75009 PARIS"), ("75009", "PARIS".to_owned()));
        assert_eq!(city_of_line("BOULOGNE CEDEX"), ("", "BOULOGNE".to_owned()));
        assert_eq!(city_of_line("06500 MENTON CEDEX 2"), ("06500", "MENTON".to_owned()));
        assert_eq!(city_of_line(""), ("", String::new()));
    }
}
