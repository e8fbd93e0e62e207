//! From what was typed to criteria: the longest phrase that means something first, then word by word.

use super::places::{
    department, department_name, department_named, district_postcode, is_civility, is_facility, is_link,
    long_word, street_type,
};
use super::tables::Labels;
use super::tests_of::{ANYWHERE, Trades, anywhere, codes, plain, tenths, trades};
use super::{Criterion, Fuzzy, Plan, Reading, Test, field_of, synonyms, weight_of};
use crate::found::{Criteria, FieldName, How, Query};
use crate::index::Column;
use crate::text::{fold, words};

/// Characters of a question that are read; what comes after is not looked at.
const LONGEST: usize = 300;

/// Criteria of one question; further words are not looked at.
const MOST: usize = 12;

/// Reads a question.
pub(crate) fn plan(query: &Query, labels: &Labels) -> Plan {
    let mut plan = Plan {
        types: query
            .types
            .iter()
            .map(|kind| fold(kind).replace(' ', ""))
            .filter(|kind| !kind.is_empty())
            .collect(),
        ..Plan::default()
    };
    fields(&query.criteria, labels, &mut plan);
    let text: String = query.text.chars().take(LONGEST).collect();
    free(&text, labels, &mut plan);
    plan.criteria.truncate(MOST);
    plan
}

/// The fields of SC.MSS/UX.41.
fn fields(criteria: &Criteria, labels: &Labels, plan: &mut Plan) {
    let given = |field: &Option<String>| -> Option<String> {
        let text: String = field.as_deref().unwrap_or_default().chars().take(LONGEST).collect();
        (!text.trim().is_empty()).then_some(text)
    };
    if let Some(text) = given(&criteria.identifier) {
        let folded = fold(&text).replace(' ', "");
        if !folded.is_empty() {
            plan.criteria.push(identifier(&folded));
        }
    }
    let in_columns: [(&Option<String>, FieldName, &[Column]); 4] = [
        (&criteria.family, FieldName::Nom, &[Column::Family]),
        (&criteria.given, FieldName::Prenom, &[Column::Given]),
        (&criteria.organization, FieldName::RaisonSociale, &[Column::Organization]),
        (&criteria.street, FieldName::Rue, &[Column::Street]),
    ];
    for (text, field, columns) in in_columns {
        if let Some(text) = given(text) {
            scoped(&text, field, columns, plan);
        }
    }
    for (text, field, which) in [
        (&criteria.profession, FieldName::Profession, Trades::Professions),
        (&criteria.specialty, FieldName::Specialite, Trades::Skills),
    ] {
        if let Some(text) = given(text) {
            trade(&fold(&text), field, which, labels, plan);
        }
    }
    if let Some(text) = given(&criteria.address) {
        places(&text, plan);
    }
    if let Some(text) = given(&criteria.postcode) {
        let folded = fold(&text).replace(' ', "");
        if !folded.is_empty() {
            plan.criteria.push(postcode(&folded));
        }
    }
    if let Some(text) = given(&criteria.city) {
        places(&text, plan);
    }
    if let Some(text) = given(&criteria.department) {
        let folded = fold(&text);
        let code = department(&folded).map_or_else(|| folded.clone(), str::to_ascii_lowercase);
        let test = Test::Word(Column::Postcode, format!("d{}", code.to_ascii_lowercase()));
        let readings = vec![Reading { field: FieldName::Departement, how: How::Exact, weight: 80, test }];
        plan.criteria.push(Criterion {
            words: folded,
            field: FieldName::Departement,
            readings,
            fuzzy: Vec::new(),
        });
    }
    if let Some(text) = given(&criteria.email) {
        for part in text.split_whitespace() {
            plan.criteria.push(mail(&part.to_lowercase()));
        }
    }
}

/// Words that must stand in these columns.
fn scoped(text: &str, field: FieldName, columns: &[Column], plan: &mut Plan) {
    let folded = fold(text);
    let all: Vec<&str> = words(&folded).collect();
    let says = |word: &&str| !is_link(word) || all.iter().all(|word| is_link(word));
    let last = all.len().saturating_sub(1);
    for (at, word) in all.iter().enumerate().filter(|(_, word)| says(word)) {
        let mut readings = Vec::new();
        plain(word, columns, &mut readings);
        neighbours(&all, at, columns, &mut readings);
        organization(word, columns, &mut readings);
        plan.criteria.push(Criterion {
            words: (*word).to_owned(),
            field,
            readings,
            fuzzy: fuzzy(word, columns, false, at == last),
        });
    }
}

/// Street, postcode and city in one text.
fn places(text: &str, plan: &mut Plan) {
    let folded = fold(text);
    let all: Vec<&str> = words(&folded).collect();
    let columns = [Column::City, Column::Street];
    let mut at = 0;
    while at < all.len() {
        let used = district(&all, at, plan);
        if used > 0 {
            at += used;
            continue;
        }
        let word = all[at];
        if (is_link(word) || word == "cedex") && all.len() > 1 {
        } else if word.bytes().all(|byte| byte.is_ascii_digit()) {
            plan.criteria.push(number(word));
        } else {
            let mut readings = Vec::new();
            plain(word, &columns, &mut readings);
            named_department(word, &mut readings);
            let fuzzy = fuzzy(word, &columns, false, at + 1 == all.len());
            plan.criteria.push(Criterion {
                words: word.to_owned(),
                field: FieldName::Ville,
                readings,
                fuzzy,
            });
        }
        at += 1;
    }
}

/// A profession or a specialty: code, usual word, or words of its label.
fn trade(folded: &str, field: FieldName, which: Trades, labels: &Labels, plan: &mut Plan) {
    let joined = folded.replace(' ', "");
    let letter = if which == Trades::Skills { 's' } else { 'p' };
    let mut readings = Vec::new();
    if let Some(code) = labels.code(letter, &joined) {
        codes(std::iter::once(code), which, How::Exact, 90, &mut readings);
    }
    if let Some(meaning) = synonyms::exact(folded) {
        codes(
            meaning.professions.iter().chain(&meaning.skills).cloned(),
            which,
            How::Synonym,
            90,
            &mut readings,
        );
    }
    let all: Vec<&str> = words(folded).filter(|word| !is_link(word)).collect();
    if !readings.is_empty() && all.len() > 1 {
        plan.criteria.push(Criterion { words: folded.to_owned(), field, readings, fuzzy: Vec::new() });
        return;
    }
    for word in &all {
        let mut readings = if all.len() == 1 { std::mem::take(&mut readings) } else { Vec::new() };
        trades(word, which, labels, &mut readings);
        plan.criteria.push(Criterion {
            words: (*word).to_owned(),
            field,
            readings,
            fuzzy: fuzzy(word, &[], true, false),
        });
    }
}

/// The one box.
fn free(text: &str, labels: &Labels, plan: &mut Plan) {
    let mut plainly = String::new();
    for part in text.split_whitespace() {
        let part = part.trim_matches(|c: char| !(c.is_alphanumeric() || c == '@'));
        if part.contains('@') {
            plan.criteria.push(mail(&part.to_lowercase()));
        } else if dotted(part) {
            plan.criteria.push(domain(&part.to_lowercase()));
        } else {
            plainly.push_str(part);
            plainly.push(' ');
        }
    }
    let folded = fold(&plainly);
    let all: Vec<&str> = words(&folded).collect();
    let says_something = |at: usize| {
        let word = all[at];
        let short_title = matches!(word, "m" | "me") && at + 1 == all.len();
        !(is_link(word) || word == "cedex" || (is_civility(word) && !short_title))
    };
    let silent = (0..all.len()).all(|at| !says_something(at)) && plan.criteria.is_empty();
    let mut at = 0;
    while at < all.len() && plan.criteria.len() < MOST {
        plan.facility |= is_facility(all[at]);
        let used = district(&all, at, plan);
        let used = if used > 0 { used } else { phrase(&all, at, labels, plan) };
        if used > 0 {
            at += used;
            continue;
        }
        if silent || says_something(at) {
            word(&all, at, labels, plan);
        }
        at += 1;
    }
}

/// Letters around a dot, as in addresses and domains.
fn dotted(part: &str) -> bool {
    part.split_once('.').is_some_and(|(before, after)| {
        before.chars().count() > 1 && after.chars().count() > 1 && after.chars().any(char::is_alphabetic)
    })
}

/// `paris 9`: how many words it takes, 0 where it is none.
fn district(all: &[&str], at: usize, plan: &mut Plan) -> usize {
    let Some(next) = all.get(at + 1) else { return 0 };
    let Some(postcode) = district_postcode(all[at], next) else { return 0 };
    let after = all.get(at + 2).copied().unwrap_or_default();
    if street_type(after).is_some() || STREET_WORDS.contains(&after) {
        // `paris 12 rue de la paix`: a number in a street.
        return 0;
    }
    let number = postcode[3..].to_owned();
    let by_name =
        Test::All(vec![Test::Word(Column::City, all[at].to_owned()), Test::Word(Column::City, number)]);
    let readings = vec![
        Reading {
            field: FieldName::CodePostal,
            how: How::Exact,
            weight: 95,
            test: Test::Word(Column::Postcode, postcode),
        },
        Reading { field: FieldName::Ville, how: How::Exact, weight: 90, test: by_name },
    ];
    let takes = if matches!(after, "arrondissement" | "arrdt" | "arr" | "eme" | "e" | "er") { 3 } else { 2 };
    let words = all[at..at + takes].join(" ");
    plan.criteria.push(Criterion { words, field: FieldName::CodePostal, readings, fuzzy: Vec::new() });
    takes
}

const STREET_WORDS: [&str; 16] = [
    "rue",
    "avenue",
    "boulevard",
    "place",
    "chemin",
    "route",
    "allee",
    "impasse",
    "square",
    "quai",
    "cours",
    "faubourg",
    "passage",
    "villa",
    "bis",
    "ter",
];

/// Whether a street may begin with this word.
pub(crate) fn is_street_type(word: &str) -> bool {
    STREET_WORDS[..STREET_WORDS.len() - 2].contains(&word)
        || matches!(long_word(word), long if long != word && STREET_WORDS.contains(&long))
}

/// A phrase of several words that means a profession, a specialty or a department; how many words it takes.
fn phrase(all: &[&str], at: usize, labels: &Labels, plan: &mut Plan) -> usize {
    for length in (2..=synonyms::LONGEST.min(all.len() - at)).rev() {
        let some = &all[at..at + length];
        let phrase = some.join(" ");
        let mut readings = Vec::new();
        let mut field = FieldName::Specialite;
        if let Some(meaning) = synonyms::exact(&phrase) {
            let found = meaning.professions.iter().chain(&meaning.skills).cloned();
            codes(found, Trades::Both, How::Synonym, 90, &mut readings);
        }
        if let Some(code) = department_named(&phrase) {
            field = FieldName::Departement;
            let test = Test::Word(Column::Postcode, format!("d{}", code.to_ascii_lowercase()));
            readings.push(Reading { field, how: How::Exact, weight: 80, test });
        }
        if phrase == "centre hospitalier" {
            field = FieldName::RaisonSociale;
            let test = Test::Word(Column::Organization, "ch".to_owned());
            readings.push(Reading { field, how: How::Synonym, weight: 70, test });
        }
        if readings.is_empty() {
            continue;
        }
        let words = some.iter().filter(|word| !is_link(word));
        let tests: Vec<Test> = words
            .map(|word| {
                let mut tests = vec![anywhere(word, &ANYWHERE)];
                let mut named = Vec::new();
                codes(labels.word(word).into_iter(), Trades::Both, How::Exact, 0, &mut named);
                tests.extend(named.into_iter().map(|reading| reading.test));
                Test::Any(tests)
            })
            .collect();
        readings.push(Reading {
            field: FieldName::Texte,
            how: How::Exact,
            weight: 62,
            test: Test::All(tests),
        });
        plan.facility |= some.iter().any(|word| is_facility(word));
        plan.criteria.push(Criterion { words: phrase, field, readings, fuzzy: Vec::new() });
        return length;
    }
    0
}

/// One word, with every reading that is plausible.
fn word(all: &[&str], at: usize, labels: &Labels, plan: &mut Plan) {
    let mut word = all[at];
    if word.bytes().all(|byte| byte.is_ascii_digit()) {
        plan.criteria.push(number(word));
        return;
    }
    if word == "r" && at > 0 && at + 1 < all.len() {
        word = "rue";
    }
    let mut readings = Vec::new();
    plain(word, &ANYWHERE, &mut readings);
    trades(word, Trades::Both, labels, &mut readings);
    neighbours(all, at, &[Column::Family, Column::Given], &mut readings);
    organization(word, &ANYWHERE, &mut readings);
    if let Some(long) = street_type(word).filter(|long| !long.contains(' ') && *long != long_word(word)) {
        let test = Test::Word(Column::Street, long.to_owned());
        readings.push(Reading { field: FieldName::Rue, how: How::Synonym, weight: 55, test });
    }
    named_department(word, &mut readings);
    if word.len() == 2 && matches!(word, "2a" | "2b") {
        let test = Test::Word(Column::Postcode, format!("d{word}"));
        readings.push(Reading { field: FieldName::Departement, how: How::Exact, weight: 80, test });
    }
    if word.len() >= 6 && word.bytes().filter(u8::is_ascii_digit).count() >= 5 {
        readings.extend(identifier(word).readings);
    }
    let field =
        readings.iter().max_by_key(|reading| reading.weight).map_or(FieldName::Texte, |best| best.field);
    let field = if field == FieldName::Nom { FieldName::Texte } else { field };
    let columns = [Column::Family, Column::Given, Column::Organization, Column::City, Column::Street];
    let fuzzy = fuzzy(word, &columns, true, at + 1 == all.len());
    plan.criteria.push(Criterion { words: word.to_owned(), field, readings, fuzzy });
}

/// `le goff` is also LEGOFF, `jean pierre` also JEANPIERRE.
fn neighbours(all: &[&str], at: usize, columns: &[Column], out: &mut Vec<Reading>) {
    let before = at.checked_sub(1).map(|before| [all[before], all[at]].concat());
    let after = all.get(at + 1).map(|after| [all[at], after].concat());
    for joined in before.iter().chain(&after) {
        for &column in columns.iter().filter(|column| matches!(column, Column::Family | Column::Given)) {
            let weight = weight_of(column);
            let test = Test::Word(column, joined.clone());
            out.push(Reading { field: field_of(column), how: How::Exact, weight, test });
        }
    }
    if at > 0
        && is_link(all[at - 1])
        && columns.contains(&Column::Family)
        && let Some(joined) = before.filter(|joined| joined.len() >= 4)
    {
        let weight = tenths(weight_of(Column::Family), 6);
        let test = Test::Prefix(Column::Family, joined);
        out.push(Reading { field: FieldName::Nom, how: How::Prefix, weight, test });
    }
}

/// Usual abbreviations in names of structures.
fn organization(word: &str, columns: &[Column], out: &mut Vec<Reading>) {
    if !columns.contains(&Column::Organization) {
        return;
    }
    let full: &[&str] = match word {
        "ch" | "hopital" => &["centre", "hospitalier"],
        "chu" => &["centre", "hospitalier", "universitaire"],
        "labo" => &["laboratoire"],
        "msp" => &["maison", "sante"],
        "had" => &["hospitalisation", "domicile"],
        "officine" => &["pharmacie"],
        "clin" => &["clinique"],
        "secretariat" => &["secretaire"],
        _ => return,
    };
    let tests = full.iter().map(|word| Test::Word(Column::Organization, (*word).to_owned())).collect();
    out.push(Reading {
        field: FieldName::RaisonSociale,
        how: How::Synonym,
        weight: 72,
        test: Test::All(tests),
    });
}

fn named_department(word: &str, out: &mut Vec<Reading>) {
    if let Some(code) = department_named(word) {
        let test = Test::Word(Column::Postcode, format!("d{}", code.to_ascii_lowercase()));
        out.push(Reading { field: FieldName::Departement, how: How::Exact, weight: 70, test });
    }
}

/// Words to look for with errors: those of four letters or more.
fn fuzzy(word: &str, columns: &[Column], trades: bool, open: bool) -> Vec<Fuzzy> {
    if word.len() < 4 || word.bytes().any(|byte| byte.is_ascii_digit()) {
        return Vec::new();
    }
    vec![Fuzzy { word: word.to_owned(), columns: columns.to_vec(), trades, open }]
}

/// A number by its length: identifier, postcode, department, number in a street.
fn number(digits: &str) -> Criterion {
    match digits.len() {
        6.. => identifier(digits),
        5 => postcode(digits),
        _ => {
            let mut criterion = postcode(digits);
            criterion.field = FieldName::Departement;
            for (column, weight) in [(Column::Street, 50), (Column::City, 45), (Column::Organization, 40)] {
                let test = Test::Word(column, digits.to_owned());
                criterion.readings.push(Reading { field: field_of(column), how: How::Exact, weight, test });
            }
            criterion
        }
    }
}

/// RPPS, IDNPS, ADELI, FINESS, SIREN or SIRET; never with errors. From six characters its beginning is enough.
fn identifier(typed: &str) -> Criterion {
    let mut readings = Vec::new();
    let mut exact = |value: &str| {
        let test = Test::Word(Column::Identifier, value.to_owned());
        readings.push(Reading { field: FieldName::Identifiant, how: How::Exact, weight: 200, test });
    };
    exact(typed);
    // A national identifier is a type digit and the number: of persons 8 and 0, of structures 0 to 4.
    if matches!(typed.len(), 10 | 12 | 15) && typed.is_char_boundary(1) {
        exact(&typed[1..]);
    }
    if typed.len() >= 6 {
        let test = Test::Prefix(Column::Identifier, typed.to_owned());
        readings.push(Reading { field: FieldName::Identifiant, how: How::Prefix, weight: 120, test });
        if let Some(number) = typed.strip_prefix('8') {
            let test = Test::Prefix(Column::Identifier, number.to_owned());
            readings.push(Reading { field: FieldName::Identifiant, how: How::Prefix, weight: 110, test });
        }
    }
    Criterion { words: typed.to_owned(), field: FieldName::Identifiant, readings, fuzzy: Vec::new() }
}

/// A postcode, its beginning, or a department; never with errors, never cut to two digits.
fn postcode(digits: &str) -> Criterion {
    let mut readings = Vec::new();
    if digits.len() >= 5 {
        let test = Test::Word(Column::Postcode, digits.to_owned());
        readings.push(Reading { field: FieldName::CodePostal, how: How::Exact, weight: 95, test });
    } else {
        if department_name(digits).is_some() {
            let test = Test::Word(Column::Postcode, format!("d{digits}"));
            readings.push(Reading { field: FieldName::Departement, how: How::Exact, weight: 80, test });
        }
        if digits.len() >= 2 {
            let test = Test::Prefix(Column::Postcode, digits.to_owned());
            readings.push(Reading { field: FieldName::CodePostal, how: How::Prefix, weight: 60, test });
        }
    }
    Criterion { words: digits.to_owned(), field: FieldName::CodePostal, readings, fuzzy: Vec::new() }
}

/// An address, its beginning, or `@` and a domain; never with errors.
fn mail(typed: &str) -> Criterion {
    let mut readings = Vec::new();
    let (local, rest) = typed.split_once('@').unwrap_or((typed, ""));
    if local.is_empty() {
        readings.push(Reading {
            field: FieldName::Adresse,
            how: How::Exact,
            weight: 40,
            test: domain_words(rest),
        });
    } else {
        let whole = Test::Word(Column::Mail, typed.to_owned());
        readings.push(Reading { field: FieldName::Adresse, how: How::Exact, weight: 250, test: whole });
        let begins = Test::Prefix(Column::Mail, typed.to_owned());
        readings.push(Reading { field: FieldName::Adresse, how: How::Prefix, weight: 120, test: begins });
        if rest.is_empty() && !typed.contains('@') {
            let words = Test::All(words(&fold(typed)).map(|word| anywhere(word, &ANYWHERE)).collect());
            readings.push(Reading { field: FieldName::Adresse, how: How::Exact, weight: 40, test: words });
        }
    }
    Criterion { words: typed.to_owned(), field: FieldName::Adresse, readings, fuzzy: Vec::new() }
}

/// A domain, or the beginning of an address that has no `@` yet.
fn domain(typed: &str) -> Criterion {
    let mut criterion = mail(typed);
    criterion.readings.push(Reading {
        field: FieldName::Adresse,
        how: How::Exact,
        weight: 40,
        test: domain_words(typed),
    });
    criterion
}

fn domain_words(domain: &str) -> Test {
    let folded = fold(domain.rsplit_once('.').map_or(domain, |(domain, _)| domain));
    let says = words(&folded).filter(|word| *word != "mssante" && word.len() > 1);
    let tests: Vec<Test> = says
        .filter(|word| !word.bytes().any(|byte| byte.is_ascii_digit()))
        .map(|word| anywhere(word, &[Column::Mail, Column::Family, Column::Given]))
        .collect();
    if tests.is_empty() { Test::Any(Vec::new()) } else { Test::All(tests) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<String> {
        plan(&Query::text(text), &Labels::default())
            .criteria
            .into_iter()
            .map(|criterion| criterion.words)
            .collect()
    }

    #[test]
    fn the_official_examples_are_cut_as_people_mean_them() {
        assert_eq!(read("Dupont 97500 cardiologue"), ["dupont", "97500", "cardiologue"]);
        assert_eq!(read("gynéco place de l'église montluçon"), ["gyneco", "place", "eglise", "montlucon"]);
    }

    #[test]
    fn phrases_stay_together_and_titles_fall_away() {
        assert_eq!(
            read("Dr Dupont, médecin de famille à Paris 9e"),
            ["dupont", "medecin de famille", "paris 9e"]
        );
        assert_eq!(read("sage-femme seine-saint-denis"), ["sage femme", "seine saint denis"]);
        assert_eq!(read("paris 12 rue de la paix"), ["paris", "12", "rue", "paix"]);
        assert_eq!(read("mme le goff"), ["goff"]);
    }

    #[test]
    fn a_question_of_titles_and_links_only_is_taken_at_its_word() {
        assert_eq!(read("de la"), ["de", "la"]);
        assert_eq!(read("docteur"), ["docteur"]);
        assert_eq!(read("m"), ["m"]);
    }

    #[test]
    fn bad_questions_are_short_plans() {
        assert!(read("").is_empty());
        assert!(read("🚑 «» ~~ \"").is_empty());
        assert!(read(&"dupont ".repeat(2_000)).len() <= MOST);
        assert_eq!(read("nom:dupont AND (ville:\"lyon\"~2 OR *)").len(), 6);
        assert_eq!(read(&"x".repeat(10_000)).len(), 1);
    }
}
