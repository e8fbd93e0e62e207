//! `POST /api/v1/check` and the page *Vérifier un fichier*: the same findings as on the command line, nothing of a document
//! that can act, and an answer for every bad upload.

use std::io::{Cursor, Write as _};
use std::path::Path;

use cda::{Draft, SmallKind};
use ins::{BirthDate, Identity, Matricule, Nature, Sex, Traits};
use serde_json::{Value, json};
use testkit::{Answer, Lab, run};

use crate::{PROGRAM, lab};

const EVIL: &str = "<img src=x onerror=alert(1)>";

fn document() -> Vec<u8> {
    let traits = Traits::strict("CORSE", "ANNE", BirthDate::parse("19780526").unwrap(), Sex::Female, "63220");
    let patient = Identity::new(Matricule::from_body("2780526318021").unwrap(), Nature::Test, traits);
    cda::write(&Draft::small(SmallKind::LabReport, "2.25.1", patient))
}

fn archive() -> Vec<u8> {
    xdm::Submission::new(vec![document()], "2026-11-23T10:00:00Z".parse().unwrap()).write().unwrap()
}

/// A few kilobytes that unpack to 60 MB.
fn bomb() -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file("IHE_XDM/SUBSET01/DOC00001.XML", zip::write::SimpleFileOptions::default()).unwrap();
    zip.write_all(&vec![b' '; 60 * 1024 * 1024]).unwrap();
    zip.finish().unwrap().into_inner()
}

/// A form with these files, and its media type.
fn form(files: &[(&str, &[u8])]) -> (Vec<u8>, &'static str) {
    let mut body = Vec::new();
    for (name, bytes) in files {
        let head =
            format!("--border\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n");
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(b"Content-Type: application/octet-stream\r\n\r\n");
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--border--\r\n");
    (body, "multipart/form-data; boundary=border")
}

fn api(lab: &Lab, query: &str, media: &str, body: &[u8]) -> Answer {
    let (host, key) = (lab.authority(), format!("Bearer {}", lab.api_key()));
    let headers = [("Host", host.as_str()), ("Authorization", &key), ("Content-Type", media)];
    lab.http("POST", &format!("/api/v1/check{query}"), &headers, body)
}

/// What a browser that speaks English gets when it drops these files.
fn drop_on_page(lab: &Lab, files: &[(&str, &[u8])]) -> Answer {
    let (body, media) = form(files);
    let host = lab.authority();
    lab.http("POST", "/check", &[("Host", &host), ("Content-Type", media), ("Accept-Language", "en")], &body)
}

/// The address that a redirection leads to.
#[track_caller]
fn result(answer: &Answer) -> String {
    assert_eq!(answer.status, 303, "{answer:?}");
    answer.header("location").unwrap().to_owned()
}

#[test]
fn the_api_says_what_the_command_says() {
    let (lab, desk) = (lab(), tempfile::tempdir().unwrap());
    let mut objects = Vec::new();
    for (name, bytes) in
        [("a.zip", archive()), ("b.xml", document()), ("c.txt", b"hello".to_vec()), ("d.zip", bomb())]
    {
        let path = desk.path().join(name);
        std::fs::write(&path, &bytes).unwrap();
        let path = path.to_str().unwrap();
        let command =
            run(Path::new(PROGRAM), &desk.path().join("no-data"), &["check", path, "--json"], &[]).json();
        let query = format!("?name={}", path.replace('/', "%2F"));
        let answer = api(&lab, &query, "application/octet-stream", &bytes);
        assert_eq!((answer.status, &answer.json()), (200, &command), "{name}");
        objects.push(command["inputs"][0].clone());
    }
    let names = objects.iter().map(|object| object["path"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    let (bytes, document, bomb) = (archive(), document(), bomb());
    let files = [&bytes[..], &document, b"hello", &bomb];
    let files: Vec<(&str, &[u8])> = names.iter().map(String::as_str).zip(files).collect();
    let (body, media) = form(&files);
    let all = api(&lab, "", media, &body).json();
    assert_eq!(all["inputs"], json!(objects), "several files of a form, in their order");
    let errors = |object: &Value| {
        object["findings"].as_array().unwrap().iter().filter(|one| one["severity"] == "error").count()
    };
    assert_eq!(all["summary"]["errors"], objects.iter().map(errors).sum::<usize>());
    assert_eq!(api(&lab, "", "", &document).json()["inputs"][0]["path"], "-", "a file without a name");

    // Everything described is there.
    let described = lab.page("/api/v1/openapi.json", "en").json();
    let schema =
        |name: &str| described["components"]["schemas"][name]["properties"].as_object().unwrap().clone();
    let facts = &all["inputs"][0]["facts"]["documents"][0];
    for (name, object) in [
        ("CheckReport", &all),
        ("CheckedInput", &all["inputs"][0]),
        ("CheckedDocument", facts),
        ("CheckFinding", &all["inputs"][2]["findings"][0]),
        ("CheckPlace", &all["inputs"][2]["findings"][0]["at"]),
    ] {
        for field in schema(name).keys() {
            assert!(object.get(field).is_some(), "{name}.{field} is described and not there: {object}");
        }
    }
}

#[test]
fn the_api_refuses_what_it_cannot_take() {
    let lab = lab();
    let large = vec![b'a'; 25 * 1024 * 1024 + 1];
    let many: Vec<(&str, &[u8])> = vec![("a", b"b"); 21];
    let (too_many, media) = form(&many);
    let (too_large, _) = form(&[("scan.eml", &large)]);
    for (media, body, status, said) in [
        ("application/octet-stream", &large[..], 413, "too large"),
        (media, &too_large, 413, "scan.eml"),
        (media, &too_many, 400, "21 files"),
        (media, b"--border--\r\n", 400, "no file"),
        (
            media,
            b"--border\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\ncut",
            400,
            "",
        ),
        ("multipart/form-data", b"x", 400, ""),
        ("text/plain", b"", 400, "no body"),
    ] {
        let answer = api(&lab, "", media, body);
        assert_eq!(answer.status, status, "{said}: {answer:?}");
        let error = answer.json()["error"].clone();
        assert_eq!(error["code"], "bad_input", "{error}");
        assert!(error["message"].as_str().unwrap().contains(said), "{said}: {error}");
        assert!(error["next"].as_str().is_some_and(|next| !next.is_empty()), "{error}");
    }
    let host = lab.authority();
    assert_eq!(lab.http("POST", "/api/v1/check", &[("Host", &host)], b"x").status, 401);
}

#[test]
fn a_dropped_document_is_judged_shown_and_forgotten() {
    let lab = lab();
    let text = String::from_utf8(document()).unwrap();
    let at = text.find("<title>").unwrap() + "<title>".len();
    let titled = text[..at].to_owned() + &EVIL.replace('<', "&lt;") + " " + &text[at..];
    let place = result(&drop_on_page(&lab, &[(EVIL, titled.as_bytes())]));
    for (language, words) in [
        (
            "fr",
            [
                "Résultat de la vérification",
                "Document CDA",
                "Création : document à intégrer",
                "26/05/1978",
                "INS de test",
            ],
        ),
        (
            "en",
            ["Result of the check", "CDA document", "Creation: a document to file", "1978-05-26", "test INS"],
        ),
    ] {
        let page = lab.page(&place, language);
        assert_eq!((page.status, page.header("cache-control")), (200, Some("no-store")));
        // Narrow spaces are put where French wants them.
        let body = page.body.replace(['\u{202f}', '\u{a0}'], " ");
        for word in words {
            assert!(body.contains(word), "{language}: {word} is missing:\n{body}");
        }
        assert!(!body.contains("<img src=x"), "the name and the title are text");
        assert!(body.contains("CORSE") && body.contains("sandbox loading"), "{body}");
    }
    let page = lab.page(&format!("{place}/0/0/page"), "fr");
    assert_eq!((page.status, page.header("x-frame-options")), (200, Some("SAMEORIGIN")));
    let policy = page.header("content-security-policy").unwrap();
    for part in ["default-src 'none'", "; sandbox", "frame-ancestors 'self'"] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(page.body.contains("onerror") && !page.body.contains("<img src=x"), "{}", page.body);
    let plain = lab.page(&format!("{place}/0/0/text"), "fr");
    assert!(plain.body.contains("CORSE") && plain.header("content-type").unwrap().starts_with("text/plain"));
    assert_eq!(lab.page(&format!("{place}/report.json"), "fr").json()["schema"], "vaguemestre/check/1");
    for nothing in ["/0/1/page", "/1/0/text", "/9/9/pdf"] {
        assert_eq!(lab.page(&format!("{place}{nothing}"), "fr").status, 404);
    }
    let host = lab.authority();
    let forgotten = lab.http("POST", &format!("{place}/forget"), &[("Host", &host)], b"");
    assert_eq!(result(&forgotten), "/check?forgotten=1");
    for gone in [&place, &format!("{place}/0/0/page"), &format!("{place}/report.json")] {
        assert_eq!(lab.page(gone, "fr").status, 404, "{gone}");
    }
}

#[test]
fn every_bad_upload_has_its_words_and_nothing_is_written() {
    let lab = lab();
    let before = files(&lab.data());
    for (name, bytes, said) in [
        ("empty.eml", Vec::new(), "This file is empty"),
        ("big.eml", vec![b'a'; 30 * 1024 * 1024], "too large"),
        ("notes.txt", b"hello".to_vec(), "nothing was checked"),
        ("bomb.zip", bomb(), "could not be checked whole"),
    ] {
        let place = result(&drop_on_page(&lab, &[(name, &bytes)]));
        let page = lab.page(&place, "en");
        assert!(page.body.contains(said) && page.body.contains(name), "{name}: {}", page.body);
    }
    let many: Vec<(&str, &[u8])> = vec![("a", b"b"); 21];
    for (files, status, said) in [(vec![], 400, "No file was sent"), (many, 400, "21 files were sent")] {
        let answer = drop_on_page(&lab, &files);
        assert_eq!(answer.status, status);
        assert!(answer.body.contains(said), "{}", answer.body);
    }
    let host = lab.authority();
    let cut = b"--border\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\ncut";
    let headers = [("Host", host.as_str()), ("Content-Type", "multipart/form-data; boundary=border")];
    assert_eq!(lab.http("POST", "/check", &headers, cut).status, 400);
    assert_eq!(lab.page("/check/nothing", "en").status, 404);
    assert_eq!(files(&lab.data()), before, "what is dropped reaches no disk");
    assert!(lab.page("/check", "fr").body.contains("Vérifier un fichier"));
}

/// Every file under a folder, but those of the database, which the bench itself writes.
fn files(folder: &Path) -> Vec<String> {
    let mut all = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if !path.to_string_lossy().contains(".db") {
                all.push(path.display().to_string());
            }
        }
    }
    all.sort();
    all
}
