//! The pages around the runs: accounts, lists, settings, proofs; what is typed wrong, and by whom.

use serde_json::json;
use testkit::{Answer, Lab};

use crate::{lab, lab_with_product};

const FORM: &str = "application/x-www-form-urlencoded";
const BOUNDARY: &str = "----vaguemestre-test";

/// A form as this server's own page sends it.
fn post(lab: &Lab, path: &str, fields: &[(&str, &str)]) -> Answer {
    let escape = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    let body: Vec<String> =
        fields.iter().map(|(name, value)| format!("{}={}", escape(name), escape(value))).collect();
    send(lab, path, FORM, body.join("&").as_bytes())
}

/// A form with files: name, file name (none for a field), bytes.
fn upload(lab: &Lab, path: &str, parts: &[(&str, Option<&str>, &[u8])]) -> Answer {
    let mut body = Vec::new();
    for (name, file, bytes) in parts {
        let file = file.map(|file| format!("; filename=\"{file}\"")).unwrap_or_default();
        let head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n");
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    send(lab, path, &format!("multipart/form-data; boundary={BOUNDARY}"), &body)
}

fn send(lab: &Lab, path: &str, kind: &str, body: &[u8]) -> Answer {
    let (host, origin) = (lab.authority(), format!("http://{}", lab.authority()));
    let headers =
        [("Host", host.as_str()), ("Origin", &origin), ("Content-Type", kind), ("Accept-Language", "fr")];
    lab.http("POST", path, &headers, body)
}

fn account<'a>(nil: &'a str, name: &'a str, psc: &'a str, app: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![("nil", nil), ("name", name), ("psc_id", psc), ("app_id", app), ("type", "PER")]
}

/// The text of a page without its typography, which tests should not have to repeat.
fn plain(answer: &Answer) -> String {
    answer.body.replace('\u{202f}', " ").replace('\u{2019}', "'").replace("&#39;", "'")
}

#[track_caller]
fn shows(answer: &Answer, words: &[&str]) {
    let text = plain(answer);
    for word in words {
        assert!(text.contains(word), "{word:?} is missing in:\n{text}");
    }
}

#[test]
fn an_account_is_created_shown_and_listed() {
    let lab = lab();
    let first = lab.page("/", "fr");
    shows(&first, &["Bienvenue sur le banc", "Création de compte", "href=\"/accounts/new\""]);
    let mut fields = account("2621 - SantéProMoins", "SantéProMoins", " 899700000018 ", "163254178");
    fields.extend([
        ("product_version", "2.1.2"),
        ("parcours", "MDV"),
        ("demarche", "Téléconsultation"),
        ("statut", "En cours"),
    ]);
    let created = post(&lab, "/accounts", &fields);
    assert_eq!(
        (created.status, created.header("location")),
        (303, Some("/accounts/2621?created=1&nil=2621"))
    );
    let page = lab.page("/accounts/2621?created=1&nil=2621", "fr");
    let imap = lab.port("imap", "starttls").to_string();
    let issuer = lab.up()["psc"]["issuer"].as_str().unwrap().to_owned();
    let ca = lab.up()["ca_file"].as_str().unwrap().to_owned();
    let words = [
        "Le compte a bien été ajouté. Les deux BAL sont actives.",
        "899700000018@mail-tests-editeur.vaguemestre.test",
        "163254178@mail-tests-editeur.vaguemestre.test",
        imap.as_str(),
        issuer.as_str(),
        ca.as_str(),
        "lps-2621",
        "psc_client_secret",
        "auth_cli.pem",
        "Inscription à Convergence",
        "Téléconsultation",
    ];
    shows(&page, &words);
    assert!(page.header("set-cookie").is_some_and(|cookie| cookie.starts_with("nil=2621;")));
    let list = lab.page("/accounts", "fr");
    for heading in [
        "Référence produit (NIL)",
        "Identifiant national PSC",
        "Identifiant national AUTH_CLI",
        "Statut",
        "Action",
        "Accès à l'outil",
    ] {
        shows(&list, &[&format!("<th scope=\"col\">{heading}</th>")]);
    }
    shows(
        &list,
        &["2621 - SantéProMoins", "Modifier", "Actif", "href=\"/jobs?nil=2621\"", "Créer un nouveau compte"],
    );
    shows(&lab.page("/accounts", "en"), &["List of accounts", "Edit", "Access to the tool"]);
    let pem = lab.page("/accounts/2621/auth_cli.pem", "fr");
    assert!(pem.body.contains("BEGIN CERTIFICATE") && !pem.body.contains("PRIVATE KEY"));
}

#[test]
fn every_fault_is_beside_its_field_and_what_was_typed_stays() {
    let (lab, product) = lab_with_product();
    let empty = post(&lab, "/accounts", &account("", "Gardé", "12", "12"));
    assert_eq!(empty.status, 400);
    shows(
        &empty,
        &["Ce champ est obligatoire.", "Les deux identifiants sont les mêmes", "2 champs", "value=\"Gardé\""],
    );
    for (fields, field, words) in [
        (account("../x", "A", "1", "2"), "nil", "Ce NIL ne peut pas être utilisé."),
        (account("9", "A", "a b", "2"), "psc_id", "ne peut pas nommer une BAL"),
        (
            account("9", "A", &product.identity, "2"),
            "psc_id",
            "est déjà celui du produit 2621 - Produit 2621",
        ),
        (account("9", "A", "1", "163254178"), "app_id", "est déjà celui du produit 2621"),
        (
            account("2621", "Produit 2621", &product.identity, "163254178"),
            "nil",
            "déjà enregistré avec cette version",
        ),
        (account("2621", "Produit 2621", "1", "2"), "nil", "déjà enregistré avec d'autres identifiants"),
    ] {
        let answer = post(&lab, "/accounts", &fields);
        assert_eq!(answer.status, 400, "{fields:?}");
        shows(
            &answer,
            &[
                words,
                &format!("aria-invalid=\"true\" aria-describedby=\"e-{field}"),
                &format!("id=\"e-{field}\""),
            ],
        );
    }
    assert_eq!(lab.json(&["account", "list"]).ended(0)["products"].as_array().unwrap().len(), 1);
    // A new version of a known product is no fault: it is added, with what else was typed.
    let mut version = account("2621", "Produit 2621", &product.identity, "163254178");
    version.extend([("product_version", "3.0"), ("statut", "Acceptée")]);
    assert_eq!(
        post(&lab, "/accounts", &version).header("location"),
        Some("/accounts/2621?edited=1&nil=2621")
    );
    shows(&lab.page("/accounts/2621?edited=1", "fr"), &["3.0", "Acceptée", "Le compte a bien été modifié."]);
    // Not a form of ours at all.
    let odd = send(&lab, "/accounts", "text/plain", b"nil=1");
    assert!((400..500).contains(&odd.status) && plain(&odd).contains("Demande refusée"), "{odd:?}");
}

#[test]
fn identifiers_are_read_from_dropped_certificates() {
    let (lab, product) = lab_with_product();
    let folder = lab.data().join("products").join(&product.nil);
    let pem = std::fs::read(folder.join("auth_cli.pem")).unwrap();
    let key = std::fs::read(folder.join("auth_cli.key")).unwrap();
    let both = [pem.clone(), key.clone()].concat();
    let read = upload(
        &lab,
        "/accounts/certificate",
        &[
            ("name", None, "Gardé".as_bytes()),
            ("psc_id", None, b"77"),
            ("certificate", Some("a<b>.pem"), &both),
        ],
    );
    assert_eq!(read.status, 200);
    shows(
        &read,
        &[
            "value=\"163254178\"",
            "value=\"Gardé\"",
            "value=\"77\"",
            "Identifiant national AUTH_CLI lu : 163254178",
            "clé privée",
            "a&#60;b&#62;.pem",
        ],
    );
    let secret = String::from_utf8(key.clone()).unwrap().lines().nth(1).unwrap().to_owned();
    assert!(!read.body.contains(&secret), "the key is shown");
    for (bytes, words) in [
        (key.as_slice(), "ne contient qu'une clé privée"),
        (b"nonsense".as_slice(), "Ce n'est pas un certificat lisible"),
        (lab.page("/ca.pem", "fr").body.as_bytes(), "le certificat d'une autorité"),
        (b"".as_slice(), "Aucun fichier n'a été choisi"),
    ] {
        shows(&upload(&lab, "/accounts/certificate", &[("certificate", Some("x"), bytes)]), &[words]);
    }
    assert_eq!(lab.page("/accounts/certificate", "fr").header("location"), Some("/accounts/new"));
    let large = vec![b'x'; 300 * 1024];
    let answer = upload(&lab, "/accounts/certificate", &[("certificate", Some("x"), &large)]);
    assert_eq!(answer.status, 413);
}

#[test]
fn an_account_is_changed_ticked_and_deleted() {
    let (lab, product) = lab_with_product();
    lab.json(&["run", "psc-auth-imap", "--nil", &product.nil, "--adapter", "lps"]).ended(0);
    let form = lab.page("/accounts/2621/edit", "fr");
    shows(&form, &["Modifier le compte 2621", "value=\"899700000018\"", "Les anciennes exécutions restent"]);
    let edited =
        post(&lab, "/accounts/2621/edit", &account("ignored", "Nouveau nom", "899700000019", "163254178"));
    assert_eq!((edited.status, edited.header("location")), (303, Some("/accounts/2621?edited=1")));
    let page = lab.page("/accounts/2621?edited=1", "fr");
    shows(
        &page,
        &[
            "Le compte a bien été modifié.",
            "Nouveau nom",
            "899700000019@",
            "n° 1",
            "sous l'identifiant 899700000018",
        ],
    );
    let old = lab.api("GET", "/api/v1/runs/1", &json!(null)).json();
    assert_eq!(old["verdict"], "passed", "{old:#}");
    // The checklist, with its date.
    assert!(!plain(&page).contains("Fait le"));
    let ticked = post(&lab, "/accounts/2621/prerequisites", &[("id", "cpx"), ("ticked", "true")]);
    assert_eq!(ticked.status, 303);
    shows(&lab.page("/accounts/2621", "fr"), &["1 / 8", "Fait le 20"]);
    post(&lab, "/accounts/2621/prerequisites", &[("id", "cpx"), ("ticked", "false")]);
    shows(&lab.page("/accounts/2621", "fr"), &["0 / 8"]);
    let unknown = post(&lab, "/accounts/2621/prerequisites", &[("id", "nope"), ("ticked", "true")]);
    assert_eq!(unknown.status, 400);
    // Deleted only when the page that says what is lost is confirmed.
    shows(&lab.page("/accounts/2621/delete", "fr"), &["Supprimer le compte 2621 ?", "restent"]);
    assert_eq!(lab.page("/accounts/2621", "fr").status, 200);
    assert_eq!(post(&lab, "/accounts/2621/delete", &[]).status, 303);
    let gone = lab.page("/accounts/2621", "fr");
    assert_eq!(gone.status, 404);
    shows(&gone, &["Produit inconnu", "Aucun produit de ce banc ne porte ce NIL."]);
    assert_eq!(lab.page("/runs/1", "fr").status, 200, "its runs stay");
}

#[test]
fn products_are_sorted_searched_paged_and_imported() {
    let lab = lab();
    let mut csv = String::from("\u{feff}nil;name;version;psc_id;app_id;type;parcours;demarche;statut\r\n");
    for n in 1..=30 {
        csv += &format!("{n};Produit {n};1.{n};70000{n:02};80000{n:02};PER;MDV;Socle {};En cours\r\n", n % 3);
    }
    csv += "31;<script>alert(1)</script>;1;7000031;8000031;ORG;DNS;;\r\n1;Autre;1;9;10;PER;;;\r\n32;;1;11;12;PER;;;\r\n";
    let checked = upload(&lab, "/products/import", &[("csv", None, csv.as_bytes())]);
    assert_eq!(checked.status, 200);
    shows(
        &checked,
        &[
            "Importer les 31 lignes valides",
            "2 autres sont à corriger",
            "&#60;script&#62;",
            "name=\"commit\"",
        ],
    );
    assert!(!checked.body.contains("<script>alert"));
    assert!(
        lab.json(&["account", "list"]).ended(0)["products"].as_array().unwrap().is_empty(),
        "nothing is written yet"
    );
    let done = upload(&lab, "/products/import", &[("csv", None, csv.as_bytes()), ("commit", None, b"1")]);
    shows(&done, &["31 produits ont été importés", "2 lignes ont été laissées de côté"]);
    let order = |answer: &Answer| -> Vec<String> {
        let text = plain(answer);
        text.split("<th scope=\"row\"")
            .skip(1)
            .map(|row| row.split("/accounts/").nth(1).unwrap().split('"').next().unwrap().to_owned())
            .collect()
    };
    let first = lab.page("/products", "fr");
    shows(
        &first,
        &[
            "Vos démarches",
            "Page 1 sur 4",
            "aria-sort=\"ascending\"",
            "Réf. produit",
            "Parcours",
            "Démarche",
            "Statut",
        ],
    );
    assert_eq!(order(&first), ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"]);
    assert_eq!(
        order(&lab.page("/products?sort=nil&dir=desc&n=25&page=2", "fr")),
        ["6", "5", "4", "3", "2", "1"]
    );
    assert_eq!(order(&lab.page("/products?q=socle%202%20produit%201", "fr"))[0], "2");
    shows(&lab.page("/products?q=zzz", "fr"), &["Aucun produit ne correspond."]);
    assert_eq!(lab.page("/products?n=abc&page=-4&sort=%00&dir=x", "fr").status, 200);
    for bad in [b"".as_slice(), b"\xff\xfe\x00", b"a;b\n1;2\n"] {
        let answer = upload(&lab, "/products/import", &[("csv", None, bad)]);
        assert_eq!(answer.status, 400, "{bad:?}");
    }
}

#[test]
fn projects_are_found_by_words_and_by_expressions() {
    let lab = lab();
    for (nil, name) in [("2621", "SantéProMoins"), ("2626", "SantéProPlus"), ("DEV9", "Autre")] {
        lab.product(nil, &format!("7{nil}"), &format!("8{nil}"));
        assert_eq!(
            post(
                &lab,
                &format!("/accounts/{nil}/edit"),
                &account(nil, name, &format!("7{nil}"), &format!("8{nil}"))
            )
            .status,
            303
        );
    }
    let found = |query: &str| {
        let answer = lab.page(&format!("/?q={query}"), "fr");
        assert_eq!(answer.status, 200, "{query}");
        let text = plain(&answer);
        let list =
            text.split("class=\"projects card\"").nth(1).unwrap().split("</ul>").next().unwrap().to_owned();
        ["2621", "2626", "DEV9"]
            .into_iter()
            .filter(|nil| list.contains(&format!("/jobs?nil={nil}")))
            .collect::<Vec<_>>()
    };
    assert_eq!(found(""), ["2621", "2626", "DEV9"]);
    assert_eq!(found("sant%C3%A9promoins"), ["2621"]);
    assert_eq!(found("%2F%5E26%2F"), ["2621", "2626"]);
    assert_eq!(found("%2Fplus%24%2F"), ["2626"]);
    let bad = lab.page("/?q=%2F(%2F", "fr");
    assert_eq!(bad.status, 400);
    shows(&bad, &["Cette expression ne peut pas être lue", "aria-invalid=\"true\"", "3 projets"]);
}

#[test]
fn the_product_in_use_is_chosen_once() {
    let lab = lab();
    lab.product("2621", "1", "2");
    lab.product("2626", "3", "4");
    let chosen = post(&lab, "/use", &[("nil", "2626"), ("back", "/products?q=a&nil=2621")]);
    assert_eq!((chosen.status, chosen.header("location")), (303, Some("/products?q=a")));
    let cookie = chosen.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let host = lab.authority();
    let with = |cookie: &str| plain(&lab.http("GET", "/guide", &[("Host", &host), ("Cookie", cookie)], b""));
    assert!(with(&cookie).contains("--nil 2626"));
    assert!(with("nil=nonsense<b>").contains("--nil 2621"), "a cookie that is no product is ignored");
    let away = post(&lab, "/use", &[("nil", "2626"), ("back", "//evil.test/")]);
    assert_eq!(away.header("location"), Some("/"));
    assert_eq!(post(&lab, "/use", &[("nil", "nope")]).status, 404);
}

#[test]
fn settings_are_kept_and_wrong_ones_are_said() {
    let (lab, _) = lab_with_product();
    shows(
        &lab.page("/settings", "fr"),
        &["mail-tests-editeur.vaguemestre.test", "Jeton d'accès Pro Santé Connect", "120 s", "5 s"],
    );
    let fields = |timer: &'static str, notice: &'static str| {
        vec![
            ("language", "en"),
            ("retention_days", "30"),
            ("timer_person_s", timer),
            ("timer_adapter_s", "15"),
            ("support", "aide@example.test"),
            ("notice", notice),
        ]
    };
    let wrong = post(&lab, "/settings", &fields("beaucoup", "Ce soir"));
    assert_eq!(wrong.status, 400);
    shows(&wrong, &["Donnez un nombre entier", "value=\"beaucoup\"", "Ce soir", "id=\"e-timer_person_s\""]);
    assert_eq!(post(&lab, "/settings", &fields("0", "")).status, 400);
    let saved = post(&lab, "/settings", &fields("90", "Coupure <b>ce soir</b>"));
    assert_eq!((saved.status, saved.header("location")), (303, Some("/settings?saved=1")));
    // English now, for a browser that asks for French and chose nothing.
    let home = lab.page("/", "fr");
    shows(&home, &["<html lang=\"en\">", "Coupure &#60;b&#62;ce soir", "aide@example.test", "value=\"90\""]);
}

#[test]
fn nodes_and_proofs_say_what_they_found() {
    let (lab, product) = lab_with_product();
    shows(
        &lab.page("/nodes", "fr"),
        &["Tous les services de ce banc répondent.", "IMAP, STARTTLS", "Absent"],
    );
    lab.json(&["run", "psc-auth-imap", "--nil", &product.nil, "--adapter", "lps"]).ended(0);
    shows(&lab.page("/proofs", "fr"), &["n° 1", "href=\"/runs/1/proof\"", "Télécharger"]);
    let proof = lab.page("/runs/1/proof", "fr").body;
    let check = |bytes: &[u8], key: &str| {
        upload(&lab, "/proofs", &[("proof", Some("<i>.proof"), bytes), ("key", None, key.as_bytes())])
    };
    let good = check(proof.as_bytes(), "");
    assert_eq!(good.status, 200);
    shows(&good, &["Preuve valide", "signée par ce banc", "2621 - Produit 2621", "&#60;i&#62;.proof"]);
    shows(&check(proof.as_bytes(), "0123"), &["Preuve refusée"]);
    shows(&check(proof.replacen("2621", "2622", 1).as_bytes(), ""), &["Preuve refusée"]);
    let unreadable = check(b"\xff", "");
    assert_eq!(unreadable.status, 400);
    shows(&unreadable, &["Fichier illisible"]);
}

#[test]
fn only_this_machines_own_pages_may_post() {
    let (lab, _) = lab_with_product();
    let host = lab.authority();
    for path in [
        "/accounts",
        "/accounts/2621/edit",
        "/accounts/2621/delete",
        "/accounts/2621/prerequisites",
        "/settings",
        "/products/import",
        "/proofs",
        "/use",
    ] {
        let foreign = [("Host", host.as_str()), ("Origin", "https://evil.test"), ("Content-Type", FORM)];
        assert_eq!(lab.http("POST", path, &foreign, b"nil=2621").status, 403, "{path}");
        assert_eq!(
            lab.http("POST", path, &[("Host", "evil.test"), ("Content-Type", FORM)], b"").status,
            403,
            "{path}"
        );
    }
    assert_eq!(lab.page("/accounts/2621", "fr").status, 200);
}

#[test]
fn every_page_stands_in_both_languages_and_names_are_text() {
    const EVIL: &str = "\"><script>alert(1)</script>";
    let lab = lab();
    lab.json(&["account", "add", "--nil", "66", "--name", EVIL, "--psc-id", "66", "--app-id", "67"]).ended(0);
    for path in [
        "/",
        "/accounts",
        "/accounts/new",
        "/accounts/66",
        "/accounts/66/edit",
        "/accounts/66/delete",
        "/products",
        "/products/import",
        "/nodes",
        "/proofs",
        "/settings",
        "/guide",
        "/terms",
        "/info",
    ] {
        for language in ["fr", "en"] {
            let page = lab.page(path, language);
            assert_eq!(page.status, 200, "{path}");
            assert!(page.body.contains(&format!("<html lang=\"{language}\">")), "{path}");
            assert!(!page.body.contains("<script>alert"), "{path} holds the script");
            assert!(page.body.matches("<h1").count() == 1, "{path} has one first heading");
        }
    }
}

#[test]
fn an_address_with_nothing_leads_elsewhere() {
    let lab = lab();
    for path in ["/nulle-part", "/accounts/nope", "/accounts/nope/edit", "/accounts/%00"] {
        let page = lab.page(path, "fr");
        assert_eq!(page.status, 404, "{path}");
        shows(&page, &["href=\"/jobs\"", "Tableau de bord", "role=\"alert\""]);
    }
}
