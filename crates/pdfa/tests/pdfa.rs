//! Documents of the field as PDF/A-1b, read back by other people's tools where those are installed, and documents that
//! nobody should send.

#![allow(clippy::unwrap_used, clippy::print_stderr)] // everything here is a test, helpers included

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use cda::{Body, Draft, Level, Sample, SmallKind};
use ins::{BirthDate, Identity, Matricule, Nature, Sex, Traits};
use pdfa::{Error, Limits, Origin, Pdf, render, render_within};
use proptest::prelude::*;

/// Published example documents, where they are at hand.
fn corpus() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    let found = std::env::var_os("VAGUEMESTRE_CORPUS").map_or(beside, PathBuf::from);
    if found.join("facts.json").is_file() {
        Some(found)
    } else {
        eprintln!("SKIP corpus: {} is not there", found.display());
        None
    }
}

fn installed(tool: &str) -> bool {
    let found = Command::new(tool).arg("-v").output().is_ok();
    if !found {
        eprintln!("SKIP {tool}: not installed");
    }
    found
}

/// What `pdftotext` reads, in the order of the file.
fn text_of(pdf: &Pdf) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.pdf");
    std::fs::write(&file, &pdf.bytes).unwrap();
    let out = Command::new("pdftotext").args(["-raw", "-enc", "UTF-8"]).arg(&file).arg("-").output().unwrap();
    assert!(out.status.success() && out.stderr.is_empty(), "{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

/// A page as `pdftoppm` draws it.
struct Picture {
    width: usize,
    height: usize,
    /// How many of its points are not white.
    inked: usize,
}

/// The first page, drawn by `pdftoppm` at 50 points to the inch.
fn picture_of(pdf: &Pdf) -> Picture {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.pdf");
    std::fs::write(&file, &pdf.bytes).unwrap();
    let out = Command::new("pdftoppm").args(["-r", "50", "-f", "1", "-l", "1"]).arg(&file).output().unwrap();
    assert!(out.status.success() && out.stderr.is_empty(), "{}", String::from_utf8_lossy(&out.stderr));
    // Binary PPM: `P6 width height 255`, then three octets for each point.
    let mut head = out.stdout.splitn(4, |octet| octet.is_ascii_whitespace());
    assert_eq!(head.next(), Some(b"P6".as_slice()));
    let mut number = || std::str::from_utf8(head.next().unwrap()).unwrap().parse::<usize>().unwrap();
    let (width, height) = (number(), number());
    let points = head.next().unwrap().strip_prefix(b"255\n").unwrap();
    assert_eq!(points.len(), width * height * 3);
    Picture { width, height, inked: points.chunks(3).filter(|point| *point != [255; 3]).count() }
}

/// What Apache PDFBox Preflight says of all files of a folder, where it is installed (Debian: `libpdfbox2-java`,
/// `libactivation-java`, `libjaxb-api-java`): a validator of PDF/A-1b that is not the writer's own. `None` without it.
fn preflight(folder: &Path) -> Option<String> {
    let jars =
        ["preflight", "pdfbox2", "fontbox2", "xmpbox", "commons-logging", "javax.activation", "jaxb-api"];
    let jars: Vec<String> = jars.iter().map(|jar| format!("/usr/share/java/{jar}.jar")).collect();
    if !jars.iter().all(|jar| Path::new(jar).is_file()) {
        eprintln!("SKIP pdfbox: Preflight is not installed");
        return None;
    }
    let class = "org.apache.pdfbox.preflight.Validator_A1b";
    let out =
        Command::new("java").args(["-cp", &jars.join(":"), class, "batch"]).arg(folder).output().ok()?;
    Some(String::from_utf8_lossy(&out.stdout).into_owned())
}

fn squashed(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

/// What every PDF/A-1b has, and what none may have (ISO 19005-1 §6.1.2, 6.1.3, 6.2.2, 6.4, 6.6.1, 6.7.11).
fn assert_pdfa(name: &str, pdf: &Pdf) {
    assert!(pdf.bytes.starts_with(b"%PDF-1.4\n%"), "{name}");
    for wanted in ["/OutputIntents", "pdfaid:part>1<", "pdfaid:conformance>B<", "/FontFile2", "/CIDSet"] {
        assert!(contains(&pdf.bytes, wanted.as_bytes()), "{name}: {wanted}");
    }
    for never in ["/Encrypt", "/SMask", "/JavaScript", "/Launch", "/EmbeddedFile", "/ObjStm", "/URI"] {
        assert!(!contains(&pdf.bytes, never.as_bytes()), "{name}: {never}");
    }
}

fn document(sections: &str) -> Vec<u8> {
    format!(
        "<ClinicalDocument xmlns='urn:hl7-org:v3'><title>Essai</title><component><structuredBody><component>\
         <section><title>Section</title><text>{sections}</text></section></component></structuredBody></component>\
         </ClinicalDocument>"
    )
    .into_bytes()
}

fn set(sections: &str) -> Result<Pdf, Error> {
    let bytes = document(sections);
    render(&cda::read(&bytes).unwrap(), &bytes)
}

fn patient() -> Identity {
    let born = BirthDate::parse("19620714").unwrap();
    let traits = Traits::strict("D'ESSAI", "Éloïse Anne-Marie", born, Sex::Female, "75115");
    Identity::new(Matricule::from_body("2620775115042").unwrap(), Nature::Test, traits)
}

#[test]
fn every_published_example_becomes_a_pdf_that_says_the_same() {
    let Some(corpus) = corpus() else { return };
    let reader = installed("pdftotext");
    let folder = tempfile::tempdir().unwrap();
    let out = std::env::var_os("PDFA_OUT").map_or_else(|| folder.path().to_owned(), PathBuf::from);
    let (mut rendered, mut embedded) = (0, 0);
    for entry in std::fs::read_dir(corpus.join("cda")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let bytes = std::fs::read(&path).unwrap();
        let document = cda::read(&bytes).unwrap();
        let start = Instant::now();
        let pdf = render(&document, &bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        let took = start.elapsed();
        eprintln!("{name}: {:?} pages, {} octets, {took:?}", pdf.pages, pdf.bytes.len());
        if document.level == Level::N1 {
            assert_eq!(Some(pdf.bytes.as_slice()), document.pdf(), "{name}");
            assert_eq!(pdf.origin, Origin::Embedded);
            embedded += 1;
            continue;
        }
        rendered += 1;
        std::fs::write(out.join(format!("{rendered}.pdf")), &pdf.bytes).unwrap();
        assert_pdfa(&name, &pdf);
        assert_eq!((pdf.origin, pdf.replaced), (Origin::Rendered, 0), "{name}");
        if reader {
            compare(&name, &document, &bytes, &squashed(&text_of(&pdf)));
        }
    }
    assert!(embedded >= 2 && rendered >= 60, "{embedded} and {rendered} documents only");
    if let Some(said) = preflight(&out) {
        assert_eq!(said.matches("is a valid PDF/A-1b file").count(), rendered, "{said}");
    }
}

/// The header items of ECO.2.1.5, and every word of the narrative.
fn compare(name: &str, document: &cda::Document, bytes: &[u8], said: &str) {
    let traits = &document.patient.traits;
    let author = &document.authors[0];
    let mut items = vec![document.title.clone(), document.code.as_ref().unwrap().display_name.clone()];
    items.extend([author.family.clone(), traits.birth_name.clone().unwrap()]);
    items.extend([traits.first_given.clone().unwrap(), traits.birth_date.unwrap().french().unwrap()]);
    items.push(document.patient.matricule.as_ref().unwrap().as_str().to_owned());
    let time = document.effective_time.as_ref().unwrap().as_str();
    items.push(format!("{}/{}/{}", &time[6..8], &time[4..6], &time[..4]));
    for item in items {
        assert!(said.contains(&squashed(&item)), "{name}: {item} is not in the PDF");
    }
    let text = cda::decode(bytes).unwrap();
    let tree = cda::xml::parse(&text, cda::MAX_NODES).unwrap();
    let here = |node: &roxmltree::Node<'_, '_>, name: &str| node.has_tag_name((cda::NAMESPACE, name));
    let mut words = HashSet::new();
    for section in tree.descendants().filter(|node| here(node, "section")) {
        for part in section.children().filter(|node| here(node, "title") || here(node, "text")) {
            for piece in part.descendants().filter(|node| node.is_text()).filter_map(|node| node.text()) {
                for word in piece.split([' ', '\t', '\r', '\n']).filter(|word| !word.is_empty()) {
                    words.insert(word);
                }
            }
        }
    }
    assert!(words.len() > 10, "{name}: {} words only", words.len());
    for word in words {
        assert!(said.contains(&squashed(word)), "{name}: {word:?} is not in the PDF");
    }
}

#[test]
fn two_pages_take_milliseconds_and_are_the_same_each_time() {
    let row =
        |n: usize| format!("<tr><td>Analyse {n}</td><td>{}</td><td>g/L</td><td>0,70 à 1,10</td></tr>", n * 7);
    let rows: String = (0..60).map(row).collect();
    let bytes =
        document(&format!("<table><thead><tr><th>Analyse</th><th>Résultat</th></tr></thead>{rows}</table>"));
    let parsed = cda::read(&bytes).unwrap();
    let first = render(&parsed, &bytes).unwrap();
    let mut best = Duration::MAX;
    for _ in 0..5 {
        let start = Instant::now();
        let again = render(&parsed, &bytes).unwrap();
        best = best.min(start.elapsed());
        assert_eq!(again, first);
    }
    eprintln!("two pages: {best:?}, {} octets", first.bytes.len());
    assert_eq!(first.pages, Some(2));
    assert!(best < Duration::from_millis(2_000), "{best:?}"); // unoptimised, on a busy machine
    if installed("pdftotext") {
        let text = text_of(&first);
        assert_eq!(text.matches("Résultat").count(), 2, "the head of the table stands on each page: {text}");
        assert!(text.contains("Page 1 / 2") && text.contains("Page 2 / 2"));
    }
}

#[test]
fn what_we_write_is_set_and_what_embeds_a_pdf_gives_it_back() {
    for kind in SmallKind::ALL {
        let draft = Draft::small(kind, "1.2.3", patient());
        let bytes = cda::write(&draft);
        let pdf = render(&cda::read(&bytes).unwrap(), &bytes).unwrap();
        match draft.body {
            Body::Pdf(file) => {
                assert_eq!((pdf.bytes, pdf.origin, pdf.pages), (file, Origin::Embedded, None));
            }
            Body::Text { .. } => {
                assert_pdfa("draft", &pdf);
                if installed("pdftotext") {
                    let text = text_of(&pdf);
                    let wanted = [
                        "Lettre de liaison à la sortie",
                        "Camille ESSAI",
                        "Structure d'essai",
                        "née le 14/07/1962",
                        "INS de test : 2620775115042",
                        "05/01/2026 à 09:00",
                        "Séjour sans complication. Sortie à domicile.",
                    ];
                    for wanted in wanted {
                        assert!(text.contains(wanted), "{wanted} in {text}");
                    }
                }
            }
        }
    }
}

#[test]
fn every_sample_is_drawn_by_another_program() {
    let time = "2026-11-23T10:00:00Z".parse().unwrap();
    let drawn = installed("pdftoppm");
    for sample in Sample::ALL {
        let name = format!("{sample:?}");
        let draft = pdfa::sample(sample, "2.25.1", patient(), time).unwrap();
        let bytes = cda::write(&draft);
        let document = cda::read(&bytes).unwrap();
        let pdf = render(&document, &bytes).unwrap();
        assert_eq!(pdf.origin == Origin::Embedded, sample == Sample::PdfLetter, "{name}");
        assert_eq!(document.level == Level::N1, sample == Sample::PdfLetter, "{name}");
        let mut files = vec![pdf];
        if let Some(copy) = &document.copy {
            files.push(Pdf { bytes: copy.bytes.clone(), origin: Origin::Embedded, pages: None, replaced: 0 });
        }
        assert_eq!(files.len() == 2, document.code == Some(SmallKind::LabReport.code()), "{name}");
        for file in files {
            assert_pdfa(&name, &file);
            if drawn {
                let picture = picture_of(&file);
                assert_eq!((picture.width, picture.height), (414, 585), "{name}: A4");
                let share = picture.inked * 1_000 / (picture.width * picture.height);
                assert!((10..500).contains(&share), "{name}: {share} ‰ of the page is inked");
            }
        }
    }
}

#[test]
fn level_1_keeps_the_header_and_claims_no_model_of_level_3() {
    let time = "2026-11-23T10:00:00Z".parse().unwrap();
    let report = Sample::NormalResults.draft("2.25.1", patient(), time);
    assert!(!report.templates.is_empty());
    let flat = pdfa::at_level_1(&report).unwrap();
    assert_eq!((&flat.code, &flat.title, &flat.patient), (&report.code, &report.title, &report.patient));
    assert!(flat.templates.is_empty());
    let Body::Pdf(bytes) = &flat.body else { panic!("of level 3 still") };
    let pdf = Pdf { bytes: bytes.clone(), origin: Origin::Rendered, pages: None, replaced: 0 };
    assert_pdfa("report", &pdf);
    if installed("pdftotext") {
        let text = text_of(&pdf);
        assert!(text.contains("sans valeur médicale") && text.contains("mmol/L"), "{text}");
        assert!(!text.contains("Copie du document"), "{text}");
    }
    let again = pdfa::at_level_1(&flat).unwrap();
    assert_eq!(cda::write(&again), cda::write(&flat));
}

/// Pictures to be looked at by somebody: `cargo nextest run -p pdfa --run-ignored only`, then `target/pictures/documents`.
#[test]
#[ignore = "for eyes: ten published examples as PNG under target/pictures/documents"]
fn ten_published_examples_are_drawn() {
    let Some(corpus) = corpus() else { return };
    if !installed("pdftoppm") {
        return;
    }
    let pictures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/pictures/documents");
    std::fs::create_dir_all(&pictures).unwrap();
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(corpus.join("cda")).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths.iter().step_by(paths.len() / 10).take(10) {
        let bytes = std::fs::read(path).unwrap();
        let pdf = render(&cda::read(&bytes).unwrap(), &bytes).unwrap();
        // Names hold dots: what follows the last one is not always an extension.
        let name = path.file_stem().unwrap().to_string_lossy();
        let (target, file) = (pictures.join(&*name), pictures.join(format!("{name}.pdf")));
        std::fs::write(&file, &pdf.bytes).unwrap();
        let arguments = ["-png", "-r", "80", "-f", "1", "-l", "2"];
        let out = Command::new("pdftoppm").args(arguments).arg(&file).arg(&target).output().unwrap();
        assert!(out.status.success() && out.stderr.is_empty(), "{}", String::from_utf8_lossy(&out.stderr));
        eprintln!("{}: {:?} pages", target.display(), pdf.pages);
    }
}

#[test]
fn a_body_of_level_1_that_is_no_pdf_is_set_or_refused() {
    let body = |media: &str, content: &str| {
        format!(
            "<ClinicalDocument xmlns='urn:hl7-org:v3'><component><nonXMLBody><text mediaType='{media}'>{content}</text>\
             </nonXMLBody></component></ClinicalDocument>"
        )
    };
    let of = |xml: String| render(&cda::read(xml.as_bytes()).unwrap(), xml.as_bytes());
    assert_pdfa("text", &of(body("text/plain", "Bonjour\n\nAu revoir")).unwrap());
    let refused = of(body("text/rtf", r"{\rtf1}")).unwrap_err();
    assert_eq!(refused, Error::Body { found: "text/rtf".into() });
    let empty = "<ClinicalDocument xmlns='urn:hl7-org:v3'/>".to_owned();
    assert_eq!(of(empty).unwrap_err(), Error::Body { found: "missing".into() });
}

#[test]
fn pages_no_font_and_no_table_can_break() {
    let word = "x".repeat(20_000);
    let cells = |count: usize| "<td>cellule</td>".repeat(count);
    let nested = format!("{}{}{}", "<table><tr><td>a".repeat(90), "fond", "</td></tr></table>".repeat(90));
    let tall = "<br/>ligne".repeat(400);
    let spans = "<tr><td rowspan='9999'>A</td><td colspan='99999999999999999999'>B</td></tr><tr><td colspan='0'>C</td></tr>";
    for (name, narrative) in [
        ("a long word", format!("{word}<table><tr><td>{word}</td><td>y</td></tr></table>")),
        ("many columns", format!("<table><tr>{}</tr></table>", cells(2_000))),
        ("forty columns", format!("<table><tr>{}</tr></table>", cells(40))),
        ("nested tables", nested),
        (
            "a tall row",
            format!("<table><thead><tr><th>H</th></tr></thead><tr><td>{tall}</td><td>b</td></tr></table>"),
        ),
        (
            "tall spans",
            format!(
                "<table><tr><td rowspan='3'>{tall}</td><td>{tall}</td></tr><tr><td>{tall}</td></tr><tr><td>c</td></tr></table>"
            ),
        ),
        ("a tall head", format!("<table><thead><tr><th>{tall}</th></tr></thead><tr><td>a</td></tr></table>")),
        ("absurd spans", format!("<table>{spans}</table>")),
        (
            "an empty table",
            "<table/><table><tr/></table><table><tr><td/></tr></table><list/><list><item/></list>".into(),
        ),
        ("deep lists", format!("{}fond{}", "<list><item>".repeat(100), "</item></list>".repeat(100))),
        ("many headings", format!("<paragraph>{}</paragraph>", "mot ".repeat(30_000))),
        (
            "unknown elements",
            "<svg><script>alert(1)</script></svg><linkHtml href='javascript:x'>lien</linkHtml>".into(),
        ),
        ("an absent picture", "<renderMultiMedia referencedObject='nulle-part'/>".into()),
    ] {
        let pdf = set(&narrative).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_pdfa(name, &pdf);
        if name.contains("tall") && installed("pdftotext") {
            let lines = text_of(&pdf).matches("ligne").count();
            assert_eq!(lines % 400, 0, "{name}: {lines} lines");
        }
    }
}

#[test]
fn characters_that_cannot_be_set_are_counted_and_said() {
    let pdf = set("Nom : شهر. Idéogramme 漢. Formule x² ≤ 10 µg/L, 3 ㎎ &#x200f;fin").unwrap();
    assert_eq!(pdf.replaced, 4);
    if installed("pdftotext") {
        let text = text_of(&pdf);
        assert!(text.contains("Formule x² ≤ 10 µg/L, 3 mg fin"), "{text}");
        assert!(text.contains("4 caractères"), "{text}");
    }
}

#[test]
fn links_are_printed_where_they_can_be_typed() {
    if !installed("pdftotext") {
        return;
    }
    let text = text_of(
        &set("<linkHtml href='https://exemple.fr/a'>le guide</linkHtml> <linkHtml href=' javascript:x()'>b</linkHtml>\
              <linkHtml href='annexes/c.pdf'>c</linkHtml> <linkHtml href='https://exemple.fr/d'/>")
        .unwrap(),
    );
    assert!(
        text.contains("le guide (https://exemple.fr/a)") && text.contains("https://exemple.fr/d"),
        "{text}"
    );
    assert!(!text.contains("javascript") && !text.contains("annexes"), "{text}");
}

#[test]
fn pictures_are_shown_and_other_files_are_named() {
    use base64::Engine as _;
    let mut png = Vec::new();
    let mut encoder = png::Encoder::new(&mut png, 2, 2);
    encoder.set_color(png::ColorType::Rgba);
    encoder.write_header().unwrap().write_image_data(&[120; 16]).unwrap();
    let media = |id: &str, bytes: &[u8]| {
        let packed = base64::engine::general_purpose::STANDARD.encode(bytes);
        format!(
            "<entry><observationMedia ID='{id}'><value mediaType='image/jpeg' representation='B64'>{packed}</value>\
             </observationMedia></entry>"
        )
    };
    let shown = |entries: &str, id: &str| {
        let xml = format!(
            "<ClinicalDocument xmlns='urn:hl7-org:v3'><component><structuredBody><component><section><text>\
             <renderMultiMedia referencedObject='{id}'><caption>Légende</caption></renderMultiMedia></text>{entries}\
             </section></component></structuredBody></component></ClinicalDocument>"
        );
        render(&cda::read(xml.as_bytes()).unwrap(), xml.as_bytes()).unwrap()
    };
    let with = shown(&media("a", &png), "a");
    assert_pdfa("picture", &with);
    assert!(contains(&with.bytes, b"/Subtype/Image"));
    for (bytes, said) in [
        (b"%PDF-1.4 ...".as_slice(), "Document joint au CDA : PDF, 12 octets."),
        (&png[..30], "image PNG non reproduite"),
        (b"\xff\xd8\xff\xe0", "image JPEG non reproduite"),
        (b"<svg/>", "image/jpeg, 6 octets"),
    ] {
        let pdf = shown(&media("a", bytes), "a");
        assert!(!contains(&pdf.bytes, b"/Subtype/Image"), "{said}");
        if installed("pdftotext") {
            let text = text_of(&pdf);
            assert!(text.contains(said) && text.contains("Légende"), "{said} in {text}");
        }
    }
}

#[test]
fn limits_are_said() {
    let bytes = document(&format!("{}<table><tr><td>a</td><td>b</td></tr></table>", "mot<br/>".repeat(300)));
    let parsed = cda::read(&bytes).unwrap();
    for (limits, what) in [
        (Limits { pages: 3, ..Limits::default() }, "pages"),
        (Limits { characters: 500, ..Limits::default() }, "characters"),
        (Limits { cells: 1, ..Limits::default() }, "table cells"),
    ] {
        match render_within(&parsed, &bytes, &limits) {
            Err(Error::TooLarge { what: found, .. }) => assert_eq!(found, what),
            other => panic!("{what}: {other:?}"),
        }
    }
    assert!(matches!(render(&parsed, b"<a/"), Err(Error::Source(_))));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn no_narrative_panics(
        pieces in proptest::collection::vec((0..11_usize, "\\PC{0,12}", 0..9_usize), 0..40),
    ) {
        let names = ["table", "thead", "tr", "td", "th", "list", "item", "paragraph", "content", "sup", "linkHtml"];
        let mut xml = String::new();
        let mut open = Vec::new();
        for (name, text, pop) in &pieces {
            let name = names[*name];
            xml += &format!("<{name} colspan='{pop}' rowspan='{}' align='right' styleCode='Bold x{pop}'>", 9 - pop);
            open.push(name);
            xml += &text.replace('&', "&amp;").replace('<', "&lt;");
            for _ in 0..*pop % 4 {
                if let Some(name) = open.pop() {
                    xml += &format!("</{name}>");
                }
            }
        }
        while let Some(name) = open.pop() {
            xml += &format!("</{name}>");
        }
        prop_assert!(set(&xml).is_ok());
    }
}

/// What costs its sender 2 MB costs us seconds at most, and ends in a PDF or a limit.
#[test]
fn hostile_sizes_end_soon() {
    for (name, narrative) in [
        ("breaks", "a<br/>".repeat(200_000)),
        ("items", format!("<list>{}</list>", "<item/>".repeat(200_000))),
        ("cells", format!("<table>{}</table>", "<tr><td>a</td><td colspan='40'/></tr>".repeat(60_000))),
        ("wide", format!("<table>{}</table>", "<tr><td colspan='39'/><td>a</td></tr>".repeat(40_000))),
        ("spans", format!("<table>{}</table>", "<tr><td rowspan='1000'>a</td></tr>".repeat(20_000))),
        ("a line", "x".repeat(300_000)),
        ("styles", "<content styleCode='Bold'>x</content>y".repeat(20_000)),
    ] {
        let start = Instant::now();
        let ended = set(&narrative);
        let took = start.elapsed();
        eprintln!("{name}: {:?} {took:?}", ended.as_ref().map(|pdf| pdf.pages).map_err(ToString::to_string));
        assert!(ended.is_ok() || matches!(ended, Err(Error::TooLarge { .. })), "{name}: {ended:?}");
        assert!(took < Duration::from_secs(20), "{name}: {took:?}");
    }
}
