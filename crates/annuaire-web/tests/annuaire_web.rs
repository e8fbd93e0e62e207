//! What a person sees of an answer, in both languages.

use annuaire::{
    Address, BoxType, Card, Facet, Facets, FieldName, Found, Hit, How, Kind, Place, Reason, Relaxed, SCHEMA,
    Section, Sheet, SheetField,
};
use annuaire_web::{Answer, Component, Options, Question};
use i18n::Lang;
use web::T;

const FR: T = T(Lang::Fr);
const EN: T = T(Lang::En);

fn component(picks: bool) -> Component {
    Component::new(Options { path: "/directory".into(), picks })
}

fn card() -> Card {
    let address = |text: &str, kind| Address {
        address: text.into(),
        kind,
        structure: "CABINET <FICTIF>".into(),
        paperless: false,
    };
    Card {
        id: "p-8999/0 1".into(),
        kind: Kind::Person,
        name: "DR Anne <b>FICTIF</b>".into(),
        rpps: Some("99900000018".into()),
        finess: None,
        profession: Some("Médecin".into()),
        specialty: Some("Gynécologie médicale".into()),
        places: vec![Place {
            street: "12 place de l'église".into(),
            postcode: "03100".into(),
            city: "MONTLUÇON".into(),
            structure: String::new(),
        }],
        addresses: vec![
            address("anne@medecin.mssante.test", BoxType::Per),
            address("robot@labo.mssante.test", BoxType::App),
        ],
        civility: "DR".into(),
        family: "FICTIF".into(),
        given: "Anne".into(),
        trade: None,
        skills: Vec::new(),
        identifiers: Vec::new(),
        paperless: false,
    }
}

fn found() -> Found {
    let reason = |field, query: &str, value: &str, how| Reason {
        field,
        query: query.into(),
        value: value.into(),
        how,
    };
    let facet = |value: &str| Facet { value: value.into(), label: value.to_uppercase(), count: 3 };
    Found {
        schema: SCHEMA,
        source_date: Some("2026-11-23T03:00:00Z".into()),
        stale: false,
        outage: None,
        total: 7,
        took_us: 900,
        hits: vec![Hit {
            rank: 1,
            card: card(),
            reasons: vec![
                reason(FieldName::Specialite, "gyneco", "Gynécologie médicale", How::Synonym),
                reason(FieldName::Ville, "montlucon", "MONTLUÇON", How::Exact),
            ],
        }],
        relaxed: None,
        did_you_mean: None,
        facets: Some(Facets { city: vec![facet("Lyon"), facet("Vichy")], ..Facets::default() }),
    }
}

/// As it reads: French punctuation has narrow spaces.
fn shown(t: T, question: &Question, found: Found) -> String {
    let html = component(false).results(t, question, &Answer::Found(Box::new(found)));
    html.replace(['\u{202f}', '\u{a0}'], " ")
}

#[test]
fn a_hit_says_who_where_why_and_never_offers_a_machine_as_a_reader() {
    let question = Question::from_pairs([("q", "gynéco montluçon"), ("type", "PER")]);
    let html = shown(FR, &question, found());
    for said in [
        "7 résultats",
        "Gynécologie médicale",
        "équivalent",
        "12 place de l&#39;église, 03100 MONTLUÇON",
        "Boîte automatique, personne ne la lit",
        "Extraction du 2026-11-23",
        "/directory/card/p-8999%2F0%201?q=gyn%C3%A9co+montlu%C3%A7on&#38;type=PER",
        "/directory?q=gyn%C3%A9co+montlu%C3%A7on&#38;city=Lyon&#38;type=PER",
        "Retirer le critère Type de boîte",
    ] {
        assert!(html.contains(said), "{said}\n{html}");
    }
    assert!(!html.contains("<b>") && !html.contains("CABINET <"), "{html}");
    let english = shown(EN, &question, found());
    assert!(english.contains("7 results") && english.contains("nobody reads it"), "{english}");
    assert!(!english.contains("résultat"), "{english}");
    let with_picks = component(true).results(FR, &question, &Answer::Found(Box::new(found())));
    assert_eq!(with_picks.matches("data-pick=").count(), 1, "the machine cannot be chosen");
}

#[test]
fn no_hit_says_what_was_given_up_or_meant() {
    let question = Question::from_pairs([("q", "dupond cardiologue 97500")]);
    let relaxed = Relaxed {
        field: FieldName::CodePostal,
        query: "97500".into(),
        total: 7,
        others: Vec::new(),
        also: Vec::new(),
    };
    let html = shown(FR, &question, Found { relaxed: Some(relaxed), ..found() });
    assert!(html.contains("Aucun résultat avec Code postal « 97500 »"), "{html}");
    let none =
        Found { total: 0, hits: Vec::new(), facets: None, did_you_mean: Some("dupont".into()), ..found() };
    let html = shown(FR, &question, none);
    assert!(html.contains("Vouliez-vous dire") && html.contains("href=\"/directory?q=dupont\""), "{html}");
    assert!(html.contains("liste rouge"), "{html}");
}

#[test]
fn an_outage_an_absent_base_and_an_old_one_are_no_empty_result() {
    let question = Question::from_pairs([("q", "x")]);
    let failed = component(false).results(FR, &question, &Answer::Failed("base <abîmée>".into()));
    assert!(failed.contains("role=\"alert\"") && failed.contains("base &#60;abîmée&#62;"), "{failed}");
    assert!(!failed.contains("Aucun résultat"), "{failed}");
    let absent = component(false).results(FR, &question, &Answer::NoBase);
    assert!(absent.contains("vaguemestre annuaire import") && !absent.contains("Aucun résultat"), "{absent}");
    let old = shown(FR, &question, Found { stale: true, ..found() });
    assert!(old.contains("La base date du 2026-11-23."), "{old}");
    let idle = Answer::Idle { cards: 1, source_date: None, stale: false };
    let panel = component(false).panel(EN, &Question::default(), &idle);
    assert!(panel.contains("1 card in the base") && panel.contains("role=\"search\""), "{panel}");
    assert_eq!(panel.matches("<label").count(), 1 + 12 + 4, "every field has its label");
}

#[test]
fn a_card_shows_every_field_and_the_way_back() {
    let field = SheetField { label: "L4NUMEROVOIE structure BAL", value: "12".into() };
    let sections = vec![Section { title: "Extraction_Correspondance_MSSante", fields: vec![field] }];
    let sheet = Sheet { card: card(), source_date: Some("2026-11-23".into()), sections, outage: None };
    let html = component(false).card(FR, &sheet, &Question::from_pairs([("q", "anne")]));
    for said in [
        "99900000018",
        "L4NUMEROVOIE structure BAL",
        "/directory?q=anne",
        "data-address=\"anne@medecin.mssante.test\"",
    ] {
        assert!(html.contains(said), "{said}\n{html}");
    }
}
