//! Bad input, and what it gets: a refusal that says why, and the last good base still serving.

use std::io::Write as _;

use super::*;

fn refused(directory: &Directory, file: &Path) -> String {
    let before = directory.state();
    let error = directory.import(&[file.to_owned()], &ImportOptions::default(), &quiet).expect_err("refused");
    assert_eq!(directory.state(), before, "the base that serves is the one before");
    assert!(!ask(directory, "dupont").hits.is_empty());
    let left: Vec<_> = fs::read_dir(directory.dir())
        .expect("listed")
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("building-"))
        .collect();
    assert!(left.is_empty(), "nothing is left of a refused import");
    error.to_string()
}

#[test]
fn files_that_are_no_extraction_are_refused_by_name_and_reason() {
    let (dir, directory) = directory();
    let file = |name: &str, bytes: &[u8]| -> PathBuf {
        let path = dir.path().join(name);
        fs::write(&path, bytes).expect("written");
        path
    };
    let text = refused(&directory, &file("page.txt", b"<!DOCTYPE html><title>503</title>"));
    assert!(text.contains("page.txt") && text.contains("web page"), "{text}");
    assert!(refused(&directory, &file("e.json", b"{\"a\":1}")).contains("JSON"));
    assert!(refused(&directory, &file("list.csv", b"nom;prenom\nx;y\n")).contains("header"));
    assert!(refused(&directory, &file("nothing.txt", b"")).contains("empty"));
    assert!(
        refused(&directory, &file("header.txt", format!("{HEADER}\n").as_bytes())).contains("no mailbox")
    );
    let without = HEADER.replace("|Nom d'exercice", "");
    assert!(
        refused(&directory, &file("less.txt", format!("{without}\n").as_bytes())).contains("Nom d'exercice")
    );
    assert!(refused(&directory, &dir.path().join("absent.txt")).contains("cannot be read"));
    assert!(refused(&directory, dir.path()).contains("directory"));
    assert!(refused(&directory, &file("bad.zip", b"PK\x03\x04 not really")).contains("ZIP"));
}

fn zipped(dir: &Path, entry: &str, bytes: &[u8]) -> PathBuf {
    let path = dir.join("extraction.zip");
    let mut archive = zip::ZipWriter::new(fs::File::create(&path).expect("made"));
    archive.start_file(entry, zip::write::SimpleFileOptions::default()).expect("begun");
    archive.write_all(bytes).expect("written");
    archive.finish().expect("finished");
    path
}

#[test]
fn a_zip_is_read_and_a_cut_one_refused() {
    let (dir, directory) = directory();
    let text = fs::read(extraction(dir.path(), 3_000)).expect("read");
    let whole = zipped(dir.path(), "Extraction_Correspondance_MSSante_202611230415.txt", &text);
    let bytes = fs::read(&whole).expect("read");
    let cut = dir.path().join("cut.zip");
    fs::write(&cut, &bytes[..bytes.len() / 2]).expect("written");
    assert!(refused(&directory, &cut).contains("cut or damaged"));
    // Octets in the middle that are not those that were packed: the checksum or the deflate stream says so.
    let mut wrong = bytes.clone();
    let middle = wrong.len() / 2;
    wrong[middle..middle + 200].fill(0x55);
    let damaged = dir.path().join("wrong.zip");
    fs::write(&damaged, wrong).expect("written");
    assert!(refused(&directory, &damaged).contains("cut or damaged"));
    assert!(refused(&directory, &zipped(dir.path(), "readme.md", b"x")).contains("no .txt"));
    let whole = zipped(dir.path(), "Extraction_Correspondance_MSSante_202611230415.txt", &text);
    let report = directory.import(&[whole], &ImportOptions::default(), &quiet).expect("imported");
    assert_eq!(report.source_date.as_deref(), Some("2026-11-23T04:15:00+01:00"));
    assert_eq!(report.mailboxes, 3_009);
}

#[test]
fn a_base_that_shrank_by_half_is_refused_unless_it_is_meant() {
    let (dir, directory) = directory();
    let small = extraction(dir.path(), 1_000);
    assert!(refused(&directory, &small).contains("--even-if-smaller"));
    let options = ImportOptions { even_if_smaller: true, ..ImportOptions::default() };
    let report = directory.import(&[small], &options, &quiet).expect("imported");
    assert_eq!(report.mailboxes, 1_009);
    assert!(report.warnings.iter().any(|warning| warning.contains("instead of")), "{:?}", report.warnings);
}

#[test]
fn dirt_is_survived_and_counted() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut file = Vec::new();
    let figures = write_extraction(&People::new(5), 4_000, true, &mut file).expect("written");
    assert!(figures.dirty > 100);
    let mut text = String::from_utf8(file).expect("UTF-8");
    let mut extra = known()[0].clone();
    extra.family = "NUL\0NUL".to_owned();
    text.push_str(&format!("{}|\r\n", extra.line()));
    let path = dir.path().join("dirty.txt");
    let mut bytes = text.into_bytes();
    bytes.extend_from_slice(known()[1].line().replace("Médecin", "M\u{1}").as_bytes());
    // One line in Windows-1252.
    bytes.extend_from_slice(b"\n");
    bytes.extend(known()[5].line().chars().map(|letter| u8::try_from(u32::from(letter)).expect("Latin")));
    fs::write(&path, bytes).expect("written");
    let directory = Directory::open(&dir.path().join("annuaire"), Clock::system()).expect("opened");
    let report = directory.import(&[path], &ImportOptions::default(), &quiet).expect("imported");
    let dirt = report.dirt;
    assert_eq!((report.rejected, report.mailboxes), (0, 4_003));
    for (what, count) in [
        ("spaces", dirt.spaces),
        ("decomposed", dirt.decomposed),
        ("control", dirt.control),
        ("null", dirt.null),
        ("long", dirt.long),
        ("short", dirt.short),
        ("crlf", dirt.crlf),
        ("not UTF-8", dirt.not_utf8),
        ("capitals", dirt.capitals),
    ] {
        assert!(count > 0, "{what}: {dirt:?}");
    }
    assert_eq!(first(&ask(&directory, "nulnul")), "Dr Anne NULNUL");
    assert_eq!(first(&ask(&directory, "hélène d'artenay")), "Dr Hélène D'ARTENAY");
}

#[test]
fn a_file_full_of_unusable_lines_is_refused() {
    let (dir, directory) = directory();
    let mut lines: Vec<String> = known().iter().map(Row::line).collect();
    lines.extend((0..3_000).map(|number| format!("PER|no-address-{number}{}", "|".repeat(29))));
    let text = refused(&directory, &write(dir.path(), "bad.txt", &lines));
    assert!(text.contains("3000 of 3009"), "{text}");
}

#[test]
fn without_a_base_a_search_is_an_error_and_never_an_empty_answer() {
    let dir = tempfile::tempdir().expect("a directory");
    let directory = Directory::open(dir.path(), Clock::system()).expect("opened");
    assert!(directory.state().is_none());
    assert!(matches!(directory.search(&Query::text("dupont"), 10), Err(Error::NoBase(_))));
}

#[test]
fn a_base_of_another_version_says_so_and_an_import_replaces_it() {
    let (dir, directory) = directory();
    let base = directory.dir().join(fs::read_to_string(directory.dir().join("CURRENT")).expect("named"));
    let meta = fs::read_to_string(base.join("meta.json")).expect("read").replacen(
        "\"format\":2",
        "\"format\":99",
        1,
    );
    fs::write(base.join("meta.json"), meta).expect("written");
    let again = Directory::open(directory.dir(), Clock::system());
    assert!(matches!(again, Err(Error::OtherVersion { found: 99, .. })));
    let again = Directory::without_base(directory.dir(), Clock::system());
    again.import(&[extraction(dir.path(), 3_000)], &ImportOptions::default(), &quiet).expect("imported");
    assert_eq!(first(&ask(&again, "dupont 97500")), "Dr Anne DUPONT");
}

#[test]
fn what_a_killed_import_left_is_swept_and_the_base_serves() {
    let (dir, directory) = directory();
    fs::create_dir_all(directory.dir().join("building-killed/index")).expect("made");
    fs::write(directory.dir().join("building-killed/index/x"), "x").expect("written");
    fs::write(directory.dir().join("CURRENT.new"), "base-99999999").expect("written");
    let again = Directory::open(directory.dir(), Clock::system()).expect("opened");
    assert_eq!(first(&ask(&again, "dupont 97500")), "Dr Anne DUPONT");
    for _ in 0..3 {
        again.import(&[extraction(dir.path(), 3_000)], &ImportOptions::default(), &quiet).expect("imported");
    }
    assert!(!directory.dir().join("building-killed").exists());
    let bases = fs::read_dir(directory.dir()).expect("listed").flatten();
    let bases = bases.filter(|entry| entry.file_name().to_string_lossy().starts_with("base-")).count();
    assert!((2..=3).contains(&bases), "one to go back to is kept, not all: {bases}");
}

#[test]
fn searches_go_on_while_a_base_is_replaced_and_two_imports_do_not_meet() {
    let (dir, directory) = directory();
    let file = extraction(dir.path(), 3_000);
    std::thread::scope(|scope| {
        let import =
            scope.spawn(|| directory.import(std::slice::from_ref(&file), &ImportOptions::default(), &quiet));
        let mut asked = 0;
        while !import.is_finished() {
            assert_eq!(first(&ask(&directory, "dupont 97500")), "Dr Anne DUPONT");
            asked += 1;
        }
        assert!(asked > 0);
        import.join().expect("no panic").expect("imported");
    });
    let other = Directory::open(directory.dir(), Clock::system()).expect("opened");
    let (sent, received) = std::sync::mpsc::channel();
    let sender = std::sync::Mutex::new(Some(sent));
    let stop = std::sync::Barrier::new(2);
    let (sender, stop) = (&sender, &stop);
    std::thread::scope(|scope| {
        let progress = move |_: annuaire::Stage, _: u64| {
            if let Some(sent) = sender.lock().expect("locked").take() {
                sent.send(()).expect("heard");
                stop.wait();
            }
        };
        let (directory, file) = (&directory, &file);
        let import = scope.spawn(move || {
            directory.import(std::slice::from_ref(file), &ImportOptions::default(), &progress)
        });
        received.recv().expect("begun");
        let second = other.import(std::slice::from_ref(file), &ImportOptions::default(), &quiet);
        assert!(matches!(second, Err(Error::Busy(_))), "{second:?}");
        stop.wait();
        import.join().expect("no panic").expect("imported");
    });
}

#[test]
fn an_old_extraction_is_said_to_be_stale() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = extraction(dir.path(), 100);
    let (clock, hands) = Clock::manual("2026-11-23T12:00:00Z".parse().expect("a date"));
    let directory = Directory::open(&dir.path().join("annuaire"), clock).expect("opened");
    directory.import(&[file], &ImportOptions::default(), &quiet).expect("imported");
    assert!(!ask(&directory, "dupont").stale);
    hands.advance(std::time::Duration::from_secs(4 * 24 * 3_600));
    assert!(ask(&directory, "dupont").stale && directory.state().is_some_and(|state| state.stale));
}
