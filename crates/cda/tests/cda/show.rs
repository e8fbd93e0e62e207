//! Pages and texts: nothing of the narrative is lost, nothing that acts gets in.

use cda::html::{Options, fragment, page, policy};
use cda::{Draft, SmallKind, Whole, read_whole, text, write};
use proptest::prelude::*;

use super::{corpus, patient};

/// Elements and attributes that a page may have, and no others.
const TAGS: [&str; 45] = [
    "html",
    "main",
    "head",
    "meta",
    "title",
    "style",
    "body",
    "article",
    "header",
    "section",
    "div",
    "p",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "dl",
    "dt",
    "dd",
    "ul",
    "ol",
    "li",
    "span",
    "a",
    "ins",
    "del",
    "sub",
    "sup",
    "table",
    "caption",
    "thead",
    "tbody",
    "tfoot",
    "tr",
    "th",
    "td",
    "br",
    "img",
    "figure",
    "figcaption",
    "pre",
    "strong",
    "small",
];
const KEYS: [&str; 18] = [
    "lang",
    "charset",
    "http-equiv",
    "content",
    "name",
    "class",
    "id",
    "href",
    "rel",
    "target",
    "src",
    "alt",
    "colspan",
    "rowspan",
    "scope",
    "role",
    "tabindex",
    "aria-label",
];

/// Holds a page against the allow-list, and gives its text.
fn check(page: &str) -> String {
    let xml = page.strip_prefix("<!DOCTYPE html>\n").unwrap_or(page);
    let tree = roxmltree::Document::parse(xml).unwrap_or_else(|error| panic!("{error}\n{xml}"));
    let mut text = String::new();
    for node in tree.descendants() {
        let in_style = || node.parent().is_some_and(|parent| parent.has_tag_name("style"));
        if node.is_text() && !in_style() {
            text.push_str(node.text().unwrap());
        }
        if !node.is_element() {
            continue;
        }
        let name = node.tag_name().name();
        assert!(TAGS.contains(&name) && node.tag_name().namespace().is_none(), "<{name}>");
        for attribute in node.attributes() {
            let (key, value) = (attribute.name(), attribute.value());
            assert!(KEYS.contains(&key), "{name} {key}={value}");
            match key {
                "src" => {
                    let kinds = ["png", "jpeg", "gif"];
                    let begins = |kind: &&str| value.starts_with(&format!("data:image/{kind};base64,"));
                    assert!(name == "img" && kinds.iter().any(begins), "src={value}");
                }
                "href" => {
                    let lower = value.to_ascii_lowercase();
                    let ok = ["http://", "https://", "mailto:", "#d-"]
                        .iter()
                        .any(|start| lower.starts_with(start));
                    assert!(name == "a" && ok && !value.chars().any(char::is_control), "href={value}");
                    assert!(value.starts_with('#') || node.attribute("rel").unwrap().contains("noopener"));
                }
                "id" => assert!(value.starts_with("d-"), "id={value}"),
                _ => {}
            }
        }
    }
    let style = xml.matches("<style").count();
    assert!(style <= 1, "one style sheet, ours");
    text
}

fn packed(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

/// Texts of the narratives, as another walk over the same XML finds them.
fn said(xml: &str) -> Vec<String> {
    let tree = cda::xml::parse(xml, cda::MAX_NODES).unwrap();
    let in_narrative = |node: roxmltree::Node<'_, '_>| {
        let text = node.ancestors().find(|around| around.tag_name().name() == "text");
        let section =
            |around: roxmltree::Node<'_, '_>| around.parent().unwrap().tag_name().name() == "section";
        text.is_some_and(section) && !node.ancestors().any(|around| around.tag_name().name() == "nonXMLBody")
    };
    let texts = tree.descendants().filter(|node| node.is_text() && in_narrative(*node));
    texts.map(|node| packed(node.text().unwrap())).filter(|text| !text.is_empty()).collect()
}

fn holds_in_order(name: &str, haystack: &str, pieces: &[String]) {
    let mut at = 0;
    for piece in pieces {
        let found = haystack[at..].find(piece.as_str());
        at += found.unwrap_or_else(|| panic!("{name}: {piece:?} is missing or out of order")) + piece.len();
    }
}

#[test]
fn no_word_of_a_published_example_is_lost_in_pages_and_texts() {
    let Some(corpus) = corpus() else { return };
    let (mut documents, mut pieces) = (0, 0);
    for entry in std::fs::read_dir(corpus.join("cda")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let bytes = std::fs::read(&path).unwrap();
        let whole = read_whole(&bytes).unwrap();
        assert!(whole.header.problems.is_empty(), "{name}: {:?}", whole.header.problems);
        let said = said(&cda::decode(&bytes).unwrap());
        let page = page(&whole, &Options::default());
        holds_in_order(&name, &packed(&check(&page)), &said);
        holds_in_order(&name, &packed(&text::plain(&whole)), &said);
        holds_in_order(&name, &packed(&text::narrative(&whole)), &said);
        check(&fragment(&whole, &Options::default()));
        documents += 1;
        pieces += said.len();
    }
    assert!(documents >= 73 && pieces > 5_000, "{documents} documents, {pieces} texts");
}

fn document(body: &str) -> Whole {
    read_whole(source(body).as_bytes()).unwrap()
}

fn source(text: &str) -> String {
    format!(
        "<ClinicalDocument xmlns='urn:hl7-org:v3'><title>Titre</title><component><structuredBody><component><section>\
         <title>Une section</title><text>{text}</text><entry><observationMedia ID='png'><value mediaType='image/png' \
         representation='B64'>{PNG}</value></observationMedia></entry><entry><observationMedia ID='svg'><value \
         mediaType='image/png' representation='B64'>{SVG}</value></observationMedia></entry></section></component>\
         </structuredBody></component></ClinicalDocument>"
    )
}

/// One pixel.
const PNG: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
/// `<svg onload="alert(1)"/>`
const SVG: &str = "PHN2ZyBvbmxvYWQ9ImFsZXJ0KDEpIi8+";

fn narrative(body: &str) -> String {
    let whole = document(body);
    let html = fragment(&whole, &Options::default());
    check(&html);
    let start = html.find("<h2>Une section</h2>").unwrap() + "<h2>Une section</h2>".len();
    let end = html.find("</section><section><h2>Fichiers").or(html.rfind("</section></div>")).unwrap();
    html[start..end].to_owned()
}

#[test]
fn tables_keep_their_headers_captions_and_spans() {
    assert_eq!(
        narrative(
            "<table border='1' width='100%' style='x' onclick='y'><caption>Légende</caption><col width='3'/><thead><tr>\
             <th colspan='2' styleCode='Bold xRed'>A</th></tr></thead><tbody><tr><th>B</th><td rowspan='2' \
             align='right'>1<br/>2</td></tr></tbody></table>"
        ),
        "<div class=\"table\" tabindex=\"0\"><table><caption>Légende</caption><thead><tr><th class=\"s-bold\" \
         scope=\"col\" colspan=\"2\">A</th></tr></thead><tbody><tr><th scope=\"row\">B</th><td class=\"a-right\" \
         rowspan=\"2\">1<br/>2</td></tr></tbody></table></div>"
    );
    assert_eq!(
        narrative("<table>x<tr><td colspan='99999'>a</td>b</tr><tbody>c</tbody></table><td>d</td>"),
        "<div class=\"table\" tabindex=\"0\"><table><tbody><tr><td>x</td></tr><tr><td>a</td><td>b</td></tr></tbody>\
         <tbody><tr><td>c</td></tr></tbody></table></div><p>d</p>"
    );
}

#[test]
fn text_lists_notes_and_links_become_what_they_are() {
    assert_eq!(
        narrative("<list listType='ordered'><caption>T</caption><item>a</item>b</list>"),
        "<div class=\"caption\">T</div><ol><li>a</li><li>b</li></ol>"
    );
    assert_eq!(
        narrative(
            "<paragraph ID='p1' styleCode='bolditalics'>x<sub>2</sub><content revised='delete'>y</content></paragraph>"
        ),
        "<p id=\"d-p1\" class=\"s-bold s-italics\">x<sub>2</sub><del>y</del></p>"
    );
    assert_eq!(
        narrative("a<footnote ID='n'>b</footnote><footnoteRef IDREF='n'/><footnoteRef IDREF='absent'/>"),
        "a<span id=\"d-n\" class=\"note\"> [note : b]</span><a href=\"#d-n\">voir la note</a>\
         <span class=\"note\">voir la note</span>"
    );
    assert_eq!(
        narrative("<linkHtml href='https://a.fr/x y'>lien</linkHtml>"),
        "<a href=\"https://a.fr/x%20y\" rel=\"noopener noreferrer nofollow\" target=\"_blank\">lien</a>\
         <span class=\"where\"> (https://a.fr/x%20y)</span>"
    );
    assert_eq!(
        narrative("<linkHtml href='JAVA&#9;script:alert(1)'>lien</linkHtml>"),
        "<span>lien</span><span class=\"where\"> (lien non suivi)</span>"
    );
    assert_eq!(
        narrative("<linkHtml href='Documents/DCI.pdf'>lien</linkHtml>"),
        "<span>lien</span><span class=\"where\"> (Documents/DCI.pdf, non joint)</span>"
    );
    assert_eq!(narrative("a<script>b</script><x:p xmlns:x='urn:x' onclick='c'>d</x:p>"), "ad");
    assert_eq!(
        narrative("<br/><table><tr><td/></tr></table><br/>a<br/>b"),
        "<div class=\"table\" tabindex=\"0\"><table><tbody><tr><td></td></tr></tbody></table></div>a<br/>b"
    );
}

#[test]
fn pictures_are_shown_by_what_they_are() {
    let shown = narrative("<renderMultiMedia referencedObject='png'/>");
    assert!(shown.contains("<img src=\"data:image/png;base64,iVBOR"), "{shown}");
    let hidden = narrative("<renderMultiMedia referencedObject='svg'/>");
    assert_eq!(
        hidden,
        "<span class=\"file\">[fichier joint : dessin SVG, 24 octets, annoncé image/png]</span>"
    );
    let absent = narrative("<renderMultiMedia referencedObject='absent'/>");
    assert_eq!(absent, "<span class=\"file\">[image absente du document]</span>");
    let whole = document("<renderMultiMedia referencedObject='png'/>");
    let without = fragment(&whole, &Options { pictures: false, ..Options::default() });
    assert!(!without.contains("<img"));
    assert!(fragment(&document("x"), &Options::default()).contains("<h2>Fichiers joints au document</h2>"));
}

#[test]
fn the_header_block_says_whose_it_is_and_what_must_be_seen_first() {
    let mut draft = Draft::small(SmallKind::DischargeLetter, "2.25.7", patient());
    draft.replaces = Some(cda::Id::root("2.25.6"));
    let source = String::from_utf8(write(&draft)).unwrap();
    let hidden = source.replace("code=\"N\" displayName=\"Normal\"", "code=\"INVISIBLE_PATIENT\"");
    let whole = read_whole(hidden.as_bytes()).unwrap();
    assert!(whole.masking().patient && !whole.masking().professionals);
    let html = page(&whole, &Options::default());
    let words = check(&html);
    for said in [
        "Lettre de liaison à la sortie",
        "D'ESSAI",
        "14/07/1962",
        "(identité de test)",
        "Camille ESSAI",
        "Structure d'essai",
        "05/01/2026 à 09:00",
        "le document 2.25.6",
        "non visible par le patient",
        "Séjour sans complication.",
    ] {
        assert!(words.contains(said), "{said}: {words}");
        assert!(text::plain(&whole).contains(said), "{said}");
    }
    assert!(html.starts_with("<!DOCTYPE html>\n<html lang=\"fr\">"));
    assert!(html.contains(&policy().replace('\'', "&#39;")), "{}", policy());
    assert!(policy().starts_with("default-src 'none'; img-src data:; style-src 'sha256-"));
}

#[test]
fn a_text_is_laid_out_in_lines() {
    let whole = document(
        "<paragraph>Un  <content>deux</content></paragraph><table><thead><tr><th>A</th><th>B</th></tr></thead><tbody>\
         <tr><td>1<br/>2</td><td><list><item>x</item></list></td></tr></tbody></table><list listType='ordered'><item>y\
         </item><item>z</item></list><linkHtml href='https://a.fr'>ici</linkHtml>",
    );
    assert_eq!(
        text::narrative(&whole),
        "Une section\n-----------\nUn deux\nA | B\n1 / 2 | - x\n\n1. y\n2. z\nici <https://a.fr>\n"
    );
}

#[test]
fn a_value_stays_in_its_column_whatever_spans() {
    let whole = document(
        "<table><thead><tr><th colspan='2' rowspan='2'>A</th><th>B</th></tr><tr><th>C</th></tr></thead><tbody><tr>\
         <td rowspan='2'>1</td><td>2</td><td>3</td></tr><tr><td/><td>4<br/><paragraph>5</paragraph></td></tr></tbody>\
         </table>",
    );
    assert_eq!(text::narrative(&whole), "Une section\n-----------\nA | | B\n| | C\n1 | 2 | 3\n| | 4 / 5\n");
}

/// Narrative of any shape, names good and bad.
fn soup() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        "[a-z&<>\"' ]{0,8}".prop_map(|text| escaped(&text)),
        Just("<br/>".to_owned()),
        Just("<renderMultiMedia referencedObject='png svg none'/>".to_owned()),
        Just("<script>alert(1)</script>".to_owned()),
        Just("<img src='x' onerror='alert(1)'/>".to_owned()),
        Just("<![CDATA[<script>alert(1)</script>]]>".to_owned()),
    ];
    let names = prop::sample::select(vec![
        "paragraph",
        "content",
        "list",
        "item",
        "table",
        "thead",
        "tbody",
        "tfoot",
        "tr",
        "td",
        "th",
        "caption",
        "linkHtml",
        "footnote",
        "footnoteRef",
        "sub",
        "sup",
        "iframe",
        "object",
        "svg",
        "a",
        "style",
        "form",
        "col",
    ]);
    let attribute = (
        prop::sample::select(vec![
            "ID",
            "styleCode",
            "href",
            "onclick",
            "style",
            "src",
            "class",
            "colspan",
            "rowspan",
            "align",
            "scope",
            "listType",
            "revised",
            "IDREF",
            "id",
        ]),
        prop_oneof![
            "[ -~]{0,12}",
            prop::sample::select(vec![
                "javascript:alert(1)",
                " jAvA\tscript:x",
                "data:text/html,x",
                "https://a.fr/\"onx='",
                "#x",
                "x",
                "mailto:a@b",
                "Bold Italics",
                "ordered",
                "delete",
                "99999",
                "-1",
                "right",
                "vbscript:x",
                "//a.fr",
            ])
            .prop_map(str::to_owned),
        ],
    );
    word.prop_recursive(6, 60, 5, move |inner| {
        (
            names.clone(),
            prop::collection::btree_map(attribute.0.clone(), attribute.1.clone(), 0..3),
            prop::collection::vec(inner, 0..5),
        )
            .prop_map(|(name, attributes, inner)| {
                let attributes: String =
                    attributes.iter().map(|(key, value)| format!(" {key}=\"{}\"", escaped(value))).collect();
                format!("<{name}{attributes}>{}</{name}>", inner.concat())
            })
    })
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

proptest! {
    #[test]
    fn whatever_a_narrative_holds_a_page_holds_nothing_that_acts(body in soup()) {
        let whole = document(&body);
        let words = check(&page(&whole, &Options::default()));
        // A script that was text stays text; a script that was one is gone with its words.
        let xml = source(&body);
        let tree = cda::xml::parse(&xml, cda::MAX_NODES).unwrap();
        let kept = tree.descendants().filter(|node| {
            let out = |around: roxmltree::Node<'_, '_>| {
                matches!(around.tag_name().name(), "script" | "style" | "footnoteRef" | "col" | "value")
            };
            node.is_text() && !node.ancestors().any(out)
        });
        let (words, text) = (packed(&words), packed(&text::plain(&whole)));
        for node in kept {
            let said = packed(node.text().unwrap());
            prop_assert!(words.contains(&said), "{said:?} of {body}");
            prop_assert!(text.contains(&said), "{said:?} of {body}");
        }
    }
}
