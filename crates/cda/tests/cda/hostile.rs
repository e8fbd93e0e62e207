//! Documents made to hurt: each is refused or cut, and said to be.

use std::time::{Duration, Instant};

use cda::html::{Options, page};
use cda::media::FileKind;
use cda::{Error, Limits, read_whole, text};

fn body(sections: &str) -> String {
    format!(
        "<ClinicalDocument xmlns='urn:hl7-org:v3' xmlns:i='http://www.w3.org/2001/XMLSchema-instance'><component>\
         <structuredBody>{sections}</structuredBody></component></ClinicalDocument>"
    )
}

fn narrative(text: &str) -> String {
    body(&format!("<component><section><title>T</title><text>{text}</text></section></component>"))
}

fn problem(xml: &str, part: &str) -> cda::Whole {
    let whole = read_whole(xml.as_bytes()).unwrap();
    assert!(
        whole.header.problems.iter().any(|problem| problem.contains(part)),
        "{:?}",
        whole.header.problems
    );
    whole
}

#[test]
fn what_cannot_be_read_is_refused_by_the_reader_of_the_whole_too() {
    let deep = format!("{}{}", "<a>".repeat(200_000), "</a>".repeat(200_000));
    assert!(matches!(read_whole(narrative(&deep).as_bytes()), Err(Error::Shape { .. })));
    let bomb = "<!DOCTYPE a [<!ENTITY b 'c'>]><ClinicalDocument xmlns='urn:hl7-org:v3'/>";
    assert_eq!(read_whole(bomb.as_bytes()).unwrap_err(), Error::DocumentType);
    assert!(matches!(read_whole(b"<a>\xff</a>"), Err(Error::Encoding { .. })));
    assert!(matches!(read_whole(b"<svg/>"), Err(Error::NotCda { .. })));
}

#[test]
fn deep_narratives_become_text() {
    let depth = 300;
    let deep = format!("{}au fond{}", "<content>".repeat(depth), "</content>".repeat(depth));
    let whole = problem(&narrative(&deep), "elements within each other");
    assert!(page(&whole, &Options::default()).contains("au fond"));
    assert!(text::plain(&whole).contains("au fond"));
    let sections =
        |depth: usize| "<component><section>".repeat(depth) + &"</section></component>".repeat(depth);
    problem(&body(&sections(100)), "too many sections");
}

#[test]
fn entries_within_each_other_are_walked_to_the_depth_that_the_parser_lets_through() {
    let result = "<observation><templateId root='1.3.6.1.4.1.19376.1.3.1.6'/><entryRelationship>";
    let depth = 250;
    let nested = result.repeat(depth) + &"</entryRelationship></observation>".repeat(depth);
    let xml = body(&format!("<component><section><entry>{nested}</entry></section></component>"));
    assert_eq!(read_whole(xml.as_bytes()).unwrap().laboratory.results.len(), depth);
    let tables = "<table><tr><td>".repeat(15) + "x" + &"</td></tr></table>".repeat(15);
    let whole = read_whole(narrative(&tables).as_bytes()).unwrap();
    assert!(page(&whole, &Options::default()).contains("<td>x</td>"));
}

#[test]
fn huge_tables_are_cut_and_quick() {
    let row = format!("<tr>{}</tr>", "<td colspan='65000' rowspan='65000'>x</td>".repeat(10));
    let table = format!("<table><tbody>{}</tbody></table>", row.repeat(40_000));
    let start = Instant::now();
    let whole = problem(&narrative(&table), "too long");
    let page = page(&whole, &Options::default());
    assert!(page.matches("<td").count() <= Limits::NARRATIVE_NODES);
    assert!(!page.contains("65000"));
    assert!(page.contains(&format!("colspan=\"{}\"", Limits::COLUMN_SPAN)));
    // Blanks and breaks in one line, which a careless writer would walk through again for each.
    let wide = read_whole(narrative(&" a <br/>".repeat(90_000)).as_bytes()).unwrap();
    assert!(!text::plain(&wide).is_empty());
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
}

#[test]
fn references_do_not_multiply_what_they_name() {
    let long = "mot ".repeat(200_000);
    let result = "<entry><observation><templateId root='1.3.6.1.4.1.19376.1.3.1.6'/><code><originalText><reference \
                  value='#x'/></originalText></code><value i:type='ED'><reference value='#x'/></value></observation></entry>";
    let xml = body(&format!(
        "<component><section><title>{long}</title><text><content ID='x'>{long}</content></text>{}</section></component>",
        result.repeat(Limits::RESULTS + 5)
    ));
    let start = Instant::now();
    let whole = problem(&xml, "laboratory results");
    let results = &whole.laboratory.results;
    assert_eq!(results.len(), Limits::RESULTS);
    let kept: usize = results.iter().map(|result| result.label.len() + result.value().len()).sum();
    assert!(kept < Limits::REFERENCES_CHARS + 20_000_000, "{kept}");
    assert!(results.iter().all(|result| result.sections[0].len() <= Limits::REPEATED_TITLE_CHARS));
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
}

#[test]
fn a_picture_shown_again_and_again_is_bounded() {
    let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x10\0\0\0\x10".to_vec();
    png.resize(4 * 1024 * 1024, 0);
    let packed = base64(&png);
    let shown = "<renderMultiMedia referencedObject='p'/>".repeat(100);
    let whole = read_whole(
        body(&format!(
            "<component><section><text>{shown}</text><entry><observationMedia ID='p'><value mediaType='image/png' \
             representation='B64'>{packed}</value></observationMedia></entry></section></component>"
        ))
        .as_bytes(),
    )
    .unwrap();
    let page = page(&whole, &Options::default());
    assert_eq!(page.matches("<img").count(), Limits::PICTURES_BYTES / png.len());
    assert!(page.len() < Limits::PICTURES_BYTES * 2);
}

#[test]
fn files_that_lie_or_are_broken_are_said_to() {
    let file = |kind: &str, content: &str| {
        format!(
            "<entry><observationMedia ID='f'><value mediaType='{kind}' representation='B64'>{content}</value>\
             </observationMedia></entry>"
        )
    };
    let section = |entry: &str| {
        body(&format!(
            "<component><section><text><renderMultiMedia referencedObject='f'/></text>{entry}</section></component>"
        ))
    };
    for (declared, bytes, kind) in [
        ("image/png", b"<svg onload='x'/>".as_slice(), FileKind::Svg),
        ("image/png", b"<html><script>x</script></html>", FileKind::Html),
        ("application/pdf", b"PK\x03\x04", FileKind::Zip),
        ("image/svg+xml", b"<svg/>", FileKind::Svg),
        ("image/jpeg", b"\xff\xd8\xff", FileKind::Jpeg),
    ] {
        let whole = read_whole(section(&file(declared, &base64(bytes))).as_bytes()).unwrap();
        assert_eq!(whole.media[0].kind, kind);
        let page = page(&whole, &Options::default());
        assert!(
            !page.contains("<img") && !page.contains("<svg") && page.contains("fichier joint"),
            "{declared}"
        );
    }
    problem(&section(&file("image/png", "%%%")), "not base64");
    let remote = "<entry><observationMedia ID='f'><value mediaType='image/png'><reference value='http://a.fr/x.png'/>\
                  </value></observationMedia></entry>";
    let whole = problem(&section(remote), "not fetched");
    assert!(whole.media.is_empty());
    assert!(!page(&whole, &Options::default()).contains("a.fr"));
    let many = file("application/pdf", "JVBERi0=").repeat(Limits::MEDIA + 1);
    assert_eq!(problem(&section(&many), "embedded files").media.len(), Limits::MEDIA);
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
