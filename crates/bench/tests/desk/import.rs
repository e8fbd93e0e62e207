//! Lists of products in CSV.

use bench::Code;
use bench::desk::ImportRow;
use operator::Kind;

use crate::lab::Lab;

type Told<'a> = (usize, &'a str, Option<(Code, &'a str)>);

fn told(rows: &[ImportRow]) -> Vec<Told<'_>> {
    rows.iter()
        .map(|row| {
            let error =
                row.error.as_ref().map(|error| (error.code, error.field.as_deref().unwrap_or_default()));
            (row.line, row.nil.as_str(), error)
        })
        .collect()
}

#[tokio::test]
async fn good_rows_are_registered_and_each_bad_one_is_named_with_its_line() {
    let lab = Lab::new().await;
    let bench = &lab.bench;
    lab.product("100", "10", "11").await;
    let list = "\u{feff}Réf. produit;Nom du produit;Version;Identifiant national PSC;Identifiant national AUTH_CLI;Type;Parcours;Démarche;Statut;Commentaire\r\n\
        200;Bon produit;2.1;20;21;PER;MDV;Ségur;En cours;rien\r\n\
        \r\n\
        201;\"Un nom; avec point-virgule\";;22;23;org;;;;\r\n\
        202;Sans identifiant;1.0;;25;PER;;;;\r\n\
        203;Pris dans la base;1.0;10;26;PER;;;;\r\n\
        204;Pris dans le fichier;1.0;27;21;PER;;;;\r\n\
        200;Encore le même;2.1;20;21;PER;;;;\r\n\
        200;Une version de plus;2.2;20;21;PER;;;;\r\n\
        205;Type inconnu;1.0;28;29;APP;;;;\r\n\
        206;Trop court;1.0\r\n\
        100;Autres identifiants;3.0;30;31;PER;;;;\r\n\
        ../x;Mauvais NIL;1.0;32;33;PER;;;;\r\n";
    let expected = [
        (2, "200", None),
        (4, "201", None),
        (5, "202", Some((Code::BadInput, "psc_id"))),
        (6, "203", Some((Code::IdentityInUse, "psc_id"))),
        (7, "204", Some((Code::IdentityInUse, "app_id"))),
        (8, "200", Some((Code::DuplicateNil, "nil"))),
        (9, "200", None),
        (10, "205", Some((Code::BadInput, "type"))),
        (11, "206", Some((Code::BadInput, ""))),
        (12, "100", Some((Code::DuplicateNil, "nil"))),
        (13, "../x", Some((Code::BadInput, "nil"))),
    ];
    let dry = bench.import(list.as_bytes(), false).await.unwrap();
    assert!(!dry.committed);
    assert_eq!(told(&dry.rows), expected);
    assert_eq!(dry.rows[2].error.as_ref().unwrap().detail["line"], 5);
    assert!(dry.rows.iter().filter_map(|row| row.error.as_ref()).all(|error| !error.next.is_empty()));
    assert_eq!(bench.products().await.unwrap().len(), 1, "a look changes nothing");

    let done = bench.import(list.as_bytes(), true).await.unwrap();
    assert!(done.committed);
    let errors = |rows: &[ImportRow]| rows.iter().map(|row| row.error.clone()).collect::<Vec<_>>();
    assert_eq!(errors(&done.rows), errors(&dry.rows), "the look and the deed find the same");
    let nils: Vec<String> = bench.products().await.unwrap().into_iter().map(|product| product.nil).collect();
    assert_eq!(nils, ["100", "200", "201"]);
    let first = bench.product("200").await.unwrap();
    assert_eq!(
        (first.name.as_str(), first.version.as_deref(), first.course.as_str()),
        ("Une version de plus", Some("2.2"), "MDV")
    );
    let second = bench.product("201").await.unwrap();
    assert_eq!((second.name.as_str(), second.kind), ("Un nom; avec point-virgule", Kind::Org));

    // What the look foretells is what adding one by one says, word for word.
    for (line, row) in [(3, "203;x;1.0;10;26"), (4, "200;x;2.2;20;21"), (5, "100;x;3.0;30;31")] {
        let list = format!("nil;name;version;psc_id;app_id\n{row}\n");
        let foretold = bench.import(list.as_bytes(), false).await.unwrap().rows.remove(0).error.unwrap();
        let mut fields = row.split(';');
        let mut next = || fields.next().unwrap().to_owned();
        let mut new = crate::lab::new_product("", "", "");
        (new.nil, new.name, new.version) = (next(), next(), Some(next()));
        (new.psc_identity, new.app_identity) = (next(), next());
        let met = bench.add_product(new).await.unwrap_err();
        assert_eq!(
            (foretold.code, foretold.message, foretold.next),
            (met.code, met.message, met.next),
            "{line}"
        );
    }
}

#[tokio::test]
async fn commas_and_our_own_names_are_read_in_any_order() {
    let lab = Lab::new().await;
    let list = "app_id,psc_id,name,nil\n41,40,\"Nom, virgule\",300\n";
    let report = lab.bench.import(list.as_bytes(), true).await.unwrap();
    assert_eq!(told(&report.rows), [(2, "300", None)]);
    let product = lab.bench.product("300").await.unwrap();
    assert_eq!((product.name.as_str(), product.version), ("Nom, virgule", None));
}

#[tokio::test]
async fn a_quote_left_open_does_not_lose_the_rows_after_it_in_silence() {
    let lab = Lab::new().await;
    let list = "nil;name;psc_id;app_id\n1;Disque 5\" dur;2;3\n4;\"ouvert;5;6\n7;perdu;8;9\n10;perdu;11;12\n";
    let report = lab.bench.import(list.as_bytes(), false).await.unwrap();
    assert_eq!(told(&report.rows), [(2, "1", None), (3, "4", Some((Code::BadInput, "")))]);
    let error = report.rows[1].error.as_ref().unwrap();
    assert!(error.message.contains("the 2 lines after it"), "{error:?}");
}

#[tokio::test]
async fn what_is_no_list_is_refused_whole() {
    let lab = Lab::new().await;
    let many = format!("nil;name;psc_id;app_id\n{}", "1;a;2;3\n".repeat(10_001));
    let big = "x".repeat(1024 * 1024 + 1);
    let cases: [(&[u8], &str); 9] = [
        (b"nil;name;\"psc_id;app_id\n1;a;2;3\n", "not closed"),
        (b"", "empty"),
        (b"\n\n", "empty"),
        (b"1;Produit;2;3\n", "names no column nil"),
        (b"nil;name;psc_id\n1;a;2\n", "names no column app_id"),
        (b"nil;NIL;name;psc_id;app_id\n", "two columns"),
        (b"nil;name;psc_id;app_id\n1;Sant\xe9;2;3\n", "not UTF-8: line 2"),
        (many.as_bytes(), "more than 10000"),
        (big.as_bytes(), "octets"),
    ];
    for (list, part) in cases {
        let error = lab.bench.import(list, true).await.unwrap_err();
        assert_eq!(error.code, Code::BadInput);
        assert!(error.message.contains(part) && !error.next.is_empty(), "{error:?}");
    }
    assert_eq!(lab.bench.products().await.unwrap(), []);
}
