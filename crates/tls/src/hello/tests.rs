use proptest::prelude::*;

use super::*;

/// OpenSSL 3.0.19: `openssl s_client -servername mail.lab.example -alpn imap,http/1.1`, as received on the socket.
const OPENSSL_DEFAULT: &str = "16030101510100014d0303316f1622563133b92e8ddac92713d356f06469ba9e868b9e60d04c7f27c1a244204c0e1b80e7c5b522860e67459b2fd4dc68a37bd6e581f10727691a0615d38471003e130213031301c02cc030009fcca9cca8ccaac02bc02f009ec024c028006bc023c0270067c00ac0140039c009c0130033009d009c003d003c0035002f00ff010000c60000001500130000106d61696c2e6c61622e6578616d706c65000b000403000102000a00160014001d0017001e00190018010001010102010301040023000000100010000e04696d617008687474702f312e310016000000170000000d002a0028040305030603080708080809080a080b080408050806040105010601030303010302040205020602002b0009080304030303020301002d00020101003300260024001d00203fbcc4ee27bb4e30a0891a30d9cacbb55fb2ae8f8f8c4f82c4f5956076e2f75b";
/// OpenSSL 3.0.19: `openssl s_client -tls1_1 -cipher DEFAULT@SECLEVEL=0 -noservername`.
const OPENSSL_TLS_1_1: &str = "16030100630100005f03021ce2f8214b6eb1362250a894e1d6f1c15c3d6b43f121a0422fbb422aaabbf021000012c00ac0140039c009c01300330035002f00ff01000024000b000403000102000a000c000a001d0017001e00190018002300000016000000170000";

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

#[test]
fn a_recorded_hello_is_read_whole() {
    let hello = parse_client_hello(&bytes(OPENSSL_DEFAULT)).unwrap();
    assert_eq!((hello.record_version, hello.legacy_version), (0x0301, 0x0303));
    assert_eq!(hello.versions, [0x0304, 0x0303, 0x0302, 0x0301]);
    assert_eq!(hello.suites.len(), 31);
    assert_eq!(hello.suites[..4], [0x1302, 0x1303, 0x1301, 0xc02c]);
    assert_eq!(hello.groups[..5], [0x001d, 0x0017, 0x001e, 0x0019, 0x0018]);
    assert_eq!(hello.signature_schemes.len(), 20);
    assert_eq!(hello.sni.as_deref(), Some("mail.lab.example"));
    assert_eq!(hello.alpn, ["imap", "http/1.1"]);
}

#[test]
fn an_old_client_is_read_too() {
    let hello = parse_client_hello(&bytes(OPENSSL_TLS_1_1)).unwrap();
    assert_eq!((hello.record_version, hello.legacy_version), (0x0301, 0x0302));
    assert_eq!(hello.versions, [0x0302]);
    assert_eq!(hello.suites[0], 0xc00a);
    assert_eq!((hello.sni, hello.alpn), (None, Vec::new()));
}

#[test]
fn grease_is_left_out() {
    let mut body = vec![3, 3];
    body.extend([0; 32]);
    body.extend([0, 0, 6, 0x0a, 0x0a, 0x13, 0x01, 0xfa, 0xfa, 1, 0]); // session id, three suites, compression
    let extensions =
        [0x2a, 0x2a, 0, 0, 0, 43, 0, 5, 4, 0x3a, 0x3a, 3, 4, 0, 16, 0, 7, 0, 5, 2, 0x4a, 0x4a, 1, b'h'];
    body.extend([0, u8::try_from(extensions.len()).unwrap()]);
    body.extend(extensions);
    let hello = read_body(Reader(&body), 0x0301).unwrap();
    assert_eq!(
        (hello.suites, hello.versions, hello.alpn),
        (vec![0x1301], vec![0x0304], vec![String::from("h")])
    );
}

#[test]
fn what_is_no_hello_says_what_it_is() {
    let reason = |bytes: &[u8]| Assembler::default().push(bytes).unwrap_err();
    assert!(matches!(reason(b"a1 CAPABILITY\r\n"), Unreadable::Foreign(why) if why.contains("clear text")));
    assert!(matches!(reason(&[0x15, 3, 1, 0, 2, 2, 40]), Unreadable::Foreign(why) if why.contains("alert")));
    assert!(matches!(reason(&[0x80, 0x2e, 1, 0, 2]), Unreadable::Foreign(why) if why.contains("SSL 2.0")));
    assert!(matches!(reason(&[0, 0]), Unreadable::Foreign(why) if why.contains("not TLS")));
    assert!(matches!(reason(&[22, 3, 1, 0, 0]), Unreadable::Malformed(_)));
    assert!(matches!(reason(&[22, 3, 1, 0x40, 1]), Unreadable::Malformed(_)));
    assert!(
        matches!(reason(&[22, 3, 1, 0, 4, 2, 0, 0, 0]), Unreadable::Malformed(why) if why.contains("not a ClientHello"))
    );
    assert!(
        matches!(reason(&[22, 3, 1, 0, 4, 1, 0xff, 0, 0]), Unreadable::Malformed(why) if why.contains("64 KiB"))
    );
    let mut short = bytes(OPENSSL_TLS_1_1);
    short[43] = 200; // the session id now claims more than there is
    assert!(matches!(reason(&short), Unreadable::Malformed(why) if why.contains("length")));
    assert!(parse_client_hello(&bytes(OPENSSL_DEFAULT)[..300]).is_err());
}

#[test]
fn a_hello_never_takes_more_than_its_limit() {
    let mut assembler = Assembler::default();
    let record = [&[22, 3, 1, 0x40, 0][..], &[1, 0, 0xff, 0xff], &[0; (1 << 14) - 4]].concat();
    let mut refused = false;
    for _ in 0..8 {
        refused |= assembler.push(&record).is_err();
        if refused {
            break;
        }
    }
    assert!(refused);
    assert!(assembler.raw.len() <= LIMIT + record.len());
}

#[test]
fn endless_lists_are_refused() {
    let hello = |suites: usize| {
        let mut body = [&[3, 3][..], &[0; 33]].concat();
        body.extend(u16::try_from(suites * 2).unwrap().to_be_bytes());
        body.extend([0x13, 0x01].repeat(suites));
        body.extend([1, 0]);
        read_body(Reader(&body), 0x0301).map(|hello| hello.suites.len())
    };
    assert_eq!((hello(512), hello(513)), (Some(512), None));
}

/// The same hello in records of other sizes.
fn recut(hello: &[u8], sizes: &[usize]) -> Vec<u8> {
    let mut rest = &hello[5..];
    let mut out = Vec::new();
    let mut sizes = sizes.iter().cycle();
    while !rest.is_empty() {
        let count = (*sizes.next().unwrap()).min(rest.len());
        out.extend([22, 3, 1, u8::try_from(count >> 8).unwrap(), u8::try_from(count & 0xff).unwrap()]);
        out.extend(&rest[..count]);
        rest = &rest[count..];
    }
    out
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..2_048)) {
        let _ = parse_client_hello(&bytes);
    }

    #[test]
    fn a_spoilt_hello_is_read_without_panic(at in 0_usize..342, value: u8, end in 0_usize..342) {
        let mut hello = bytes(OPENSSL_DEFAULT);
        hello[at] = value;
        let _ = parse_client_hello(&hello);
        prop_assert!(parse_client_hello(&hello[..end]).is_err());
    }

    #[test]
    fn cuts_make_no_difference(records in prop::collection::vec(1_usize..300, 1..6), reads in 1_usize..50) {
        let hello = bytes(OPENSSL_DEFAULT);
        let cut = recut(&hello, &records);
        let mut assembler = Assembler::default();
        let mut found = None;
        for read in cut.chunks(reads) {
            prop_assert!(found.is_none(), "found before the last byte");
            found = assembler.push(read).unwrap();
        }
        prop_assert_eq!(found.unwrap(), parse_client_hello(&hello).unwrap());
    }
}
