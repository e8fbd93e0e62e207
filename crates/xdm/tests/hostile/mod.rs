//! Archives made to harm. Some are made by hand, octet by octet, because no library writes them.

use proptest::prelude::*;
use xdm::OpenError;

use super::*;

fn refused(bytes: &[u8]) -> OpenError {
    Archive::open(bytes, &Limits::default()).unwrap_err()
}

/// The octets `from` everywhere replaced by `to`, of the same length.
fn patched(mut bytes: Vec<u8>, from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let places: Vec<usize> =
        bytes.windows(from.len()).enumerate().filter(|(_, found)| *found == from).map(|(at, _)| at).collect();
    assert!(!places.is_empty());
    for at in places {
        bytes[at..at + to.len()].copy_from_slice(to);
    }
    bytes
}

/// Two stored entries, `A.XML` and `B.XML`.
fn plain() -> Vec<u8> {
    let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for name in ["A.XML", "B.XML"] {
        archive.start_file(name, options).unwrap();
        archive.write_all(b"content").unwrap();
    }
    archive.finish().unwrap().into_inner()
}

#[test]
fn paths_that_leave_the_archive_are_refused() {
    for path in ["../A", "/A.XM", "C:/AX", "A/../", "a\\..\\", "..\\AX", "A\0.XM", "A\n.XM"] {
        let path = &path[..path.len().min(5)];
        let padded = format!("{path}{}", "x".repeat(5 - path.len()));
        let bytes = patched(plain(), b"A.XML", padded.as_bytes());
        assert!(matches!(refused(&bytes), OpenError::Path { .. }), "{padded:?}: {:?}", refused(&bytes));
    }
}

#[test]
fn two_entries_of_one_name_are_refused() {
    for name in [b"A.XML", b"a.xml"] {
        let bytes = patched(plain(), b"B.XML", name);
        assert!(matches!(refused(&bytes), OpenError::Duplicate { .. }));
    }
}

#[test]
fn entries_that_share_bytes_are_refused() {
    let bytes = plain();
    let mut second = None;
    for (at, word) in bytes.windows(4).enumerate() {
        if word == b"PK\x01\x02" {
            second = Some(at);
        }
    }
    let mut bytes = bytes.clone();
    let offset = second.unwrap() + 42; // where the second entry's local header is said to be
    bytes[offset..offset + 4].copy_from_slice(&[0; 4]);
    let refused = refused(&bytes);
    assert!(matches!(refused, OpenError::Overlap | OpenError::NotZip { .. }), "{refused:?}");
}

#[test]
fn encrypted_entries_and_links_are_refused() {
    let mut bytes = plain();
    for (header, flags) in [(b"PK\x03\x04", 6), (b"PK\x01\x02", 8)] {
        let at = bytes.windows(4).position(|word| word == header).unwrap();
        bytes[at + flags] |= 1;
    }
    assert!(matches!(refused(&bytes), OpenError::Encrypted { .. }), "{:?}", refused(&bytes));

    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    archive.add_symlink("A.XML", "/etc/passwd", SimpleFileOptions::default()).unwrap();
    let bytes = archive.finish().unwrap().into_inner();
    assert!(matches!(refused(&bytes), OpenError::Link { .. }));
}

#[test]
fn bombs_are_refused_before_they_go_off() {
    let blank = vec![b' '; 8 * 1024 * 1024];
    let by_ratio = packed(&[("A.XML", &blank)]);
    assert!(by_ratio.len() < 20_000);
    assert!(matches!(refused(&by_ratio), OpenError::Bomb { .. }));

    let mut limits = Limits::default();
    (limits.entry, limits.total) = (1_000, 1_500);
    let open = |files: &[(&str, &[u8])]| Archive::open(&packed(files), &limits);
    assert!(open(&[("A", &[7; 1_000]), ("B", &[7; 500])]).is_ok());
    assert!(matches!(open(&[("A", &[7; 1_001])]), Err(OpenError::Bomb { limit: 1_000, .. })));
    assert!(matches!(open(&[("A", &[7; 1_000]), ("B", &[7; 501])]), Err(OpenError::Bomb { limit: 500, .. })));

    // An entry that lies about its size, in both places where it says it.
    let bytes = packed(&[("A", &[7; 5_000])]);
    let lying = patched(bytes, &5_000u32.to_le_bytes(), &10u32.to_le_bytes());
    let read = Archive::open(&lying, &limits);
    assert!(matches!(read, Err(OpenError::Bomb { .. } | OpenError::Damaged { .. })), "{read:?}");

    let many: Vec<String> = (0..201).map(|index| format!("F{index}")).collect();
    let many: Vec<(&str, &[u8])> = many.iter().map(|name| (name.as_str(), b"".as_slice())).collect();
    assert_eq!(refused(&packed(&many)), OpenError::TooManyEntries { count: 201, limit: 200 });
    limits.archive = 10;
    assert!(matches!(Archive::open(&plain(), &limits), Err(OpenError::TooLarge { limit: 10, .. })));
}

#[test]
fn three_gigabytes_in_three_megabytes_are_refused_at_once() {
    // Blocks of deflate that end on an octet can be put one after the other: the last block alone says that it is.
    let script = "import sys,zlib,struct\n\
        c=zlib.compressobj(9,zlib.DEFLATED,-15);z=bytes(1<<25);b=c.compress(z)+c.flush(zlib.Z_FULL_FLUSH)\n\
        d=b*96+b'\\x03\\x00';n=b'IHE_XDM/SUBSET01/DOC00001.XML';size=96<<25\n\
        h=struct.pack('<HHHHHLLLHH',20,0,8,0,33,0,len(d),size,len(n),0)\n\
        l=b'PK\\3\\4'+h+n+d\n\
        e=b'PK\\1\\2\\x14\\0'+h+struct.pack('<HHHLL',0,0,0,0,0)+n\n\
        f=b'PK\\5\\6'+struct.pack('<HHHHLLH',0,0,1,1,len(e),len(l),0)\n\
        sys.stdout.buffer.write(l+e+f)";
    let bytes = match Command::new("python3").args(["-c", script]).output() {
        Ok(out) => out.stdout,
        Err(error) => return eprintln!("SKIP python3: {error}"),
    };
    assert!((3_000_000..3_300_000).contains(&bytes.len()), "{}", bytes.len());
    let start = std::time::Instant::now();
    match refused(&bytes) {
        OpenError::Bomb { path, limit } => {
            assert_eq!((path.as_str(), limit), ("IHE_XDM/SUBSET01/DOC00001.XML", Limits::default().entry));
        }
        other => panic!("{other:?}"),
    }
    // What is no document is not unpacked for a glance.
    assert_eq!(xdm::glance(&bytes, &Limits::default()), Ok(vec![]));
    assert!(start.elapsed().as_secs() < 10, "{:?}", start.elapsed());
}

#[test]
fn ten_thousand_entries_are_counted_and_no_more() {
    let many: Vec<String> = (0..10_000).map(|index| format!("F{index}")).collect();
    let many: Vec<(&str, &[u8])> = many.iter().map(|name| (name.as_str(), b"".as_slice())).collect();
    assert_eq!(refused(&packed(&many)), OpenError::TooManyEntries { count: 10_000, limit: 200 });
}

#[test]
fn an_archive_in_an_archive_stays_closed() {
    let inner = two().write().unwrap();
    let archive = Archive::open(&packed(&[("IHE_XDM.ZIP", &inner)]), &Limits::default()).unwrap();
    assert_eq!((archive.documents.len(), archive.problems), (0, vec![Problem::NoMetadata]));
    assert_eq!(archive.files, ["IHE_XDM.ZIP"]);
    let text = "<a><ExtrinsicObject mimeType='application/zip'><Slot name='URI'><ValueList><Value>IN.ZIP</Value>\
                </ValueList></Slot></ExtrinsicObject></a>";
    let bytes = packed(&[("X/METADATA.XML", text.as_bytes()), ("X/IN.ZIP", &inner)]);
    let archive = Archive::open(&bytes, &Limits::default()).unwrap();
    assert_eq!((archive.documents.len(), archive.documents[0].bytes == inner), (1, true));
    assert_eq!((archive.cdas().count(), archive.headers().count()), (0, 0));
    assert_eq!(xdm::glance(&bytes, &Limits::default()), Ok(vec![]));
}

#[test]
fn metadata_that_names_what_is_not_its_to_name_is_told_and_left() {
    let report = document(SmallKind::LabReport, 1);
    for (uri, found) in [
        ("../../../../etc/passwd", "missing"),
        ("file:///etc/passwd", "missing"),
        ("https://example.org/DOC00001.XML", "missing"),
        ("METADATA.XML", "twice"),
        ("", "no uri"),
        (".", "missing"),
    ] {
        let text = format!(
            "<a><ExtrinsicObject><Slot name='URI'><ValueList><Value>{uri}</Value></ValueList></Slot></ExtrinsicObject></a>"
        );
        let bytes = packed(&[("X/METADATA.XML", text.as_bytes()), ("X/A.XML", &report)]);
        let archive = Archive::open(&bytes, &Limits::default()).unwrap();
        let told = archive.problems.iter().any(|problem| match problem {
            Problem::MissingDocument { uri: named, .. } => found == "missing" && named == uri,
            Problem::Twice { .. } => found == "twice",
            Problem::NoUri { .. } => found == "no uri",
            _ => false,
        });
        assert!(told, "{uri:?}: {:?}", archive.problems);
        assert_eq!(archive.documents.len(), 1, "{uri:?}: the document is found all the same");
        assert!(!archive.documents[0].listed);
    }
}

#[test]
fn metadata_made_to_hold_the_reader_is_given_up_at_once() {
    let deep = format!("{}{}", "<a>".repeat(100_000), "</a>".repeat(100_000));
    let bomb = "<!DOCTYPE a [<!ENTITY b 'cccccccccc'>]><a>&b;</a>".to_owned();
    let nested: String = (0..5_000).map(|n| format!("<a xmlns:n{n}='u{n}'>")).collect();
    let objects = format!("<a>{}</a>", "<ExtrinsicObject/>".repeat(1_001));
    let start = std::time::Instant::now();
    for text in [nested + &"</a>".repeat(5_000), objects, deep, bomb] {
        let archive =
            Archive::open(&packed(&[("X/METADATA.XML", text.as_bytes())]), &Limits::default()).unwrap();
        assert!(matches!(&archive.problems[..], [Problem::Metadata { .. }]), "{:?}", archive.problems);
    }
    assert!(start.elapsed().as_secs() < 5);
}

#[test]
fn damaged_archives_are_named() {
    assert!(matches!(refused(b""), OpenError::NotZip { .. }));
    assert!(matches!(refused(b"PK\x03\x04 and nothing more"), OpenError::NotZip { .. }));
    let changed = patched(plain(), b"content", b"contenT");
    assert!(matches!(refused(&changed), OpenError::Damaged { .. }), "{:?}", refused(&changed));
    let whole = two().write().unwrap();
    assert!(matches!(refused(&whole[..whole.len() / 2]), OpenError::NotZip { .. }));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn nothing_panics(at in 0usize..4_000, octet in any::<u8>(), cut in 0usize..4_000) {
        let mut bytes = two().write().unwrap();
        let length = bytes.len();
        bytes[at % length] = octet;
        let _ = Archive::open(&bytes, &Limits::default());
        let _ = Archive::open(&bytes[cut % length..], &Limits::default());
    }
}
