//! Profiles, people and rights of a product's mailboxes, through the API and the page, and what a client sees of them.

use serde_json::{Value, json};
use testkit::shape::assert_shape;
use testkit::{Answer, Lab, client};

use crate::lab;

const OWNER: &str = "899700000018";
const OTHER: &str = "899700000026";

/// A lab with an ORG product, whose mailbox is the answer, and a second product, whose person is [`OTHER`].
fn shared() -> (Lab, String) {
    let lab = lab();
    let product = lab.json(&[
        "account",
        "add",
        "--nil",
        "2621",
        "--name",
        "P",
        "--psc-id",
        OWNER,
        "--app-id",
        "163254178",
        "--type",
        "ORG",
    ]);
    let address = product.ended(0)["mailboxes"][0]["address"].as_str().unwrap().to_owned();
    lab.product("2626", OTHER, "163254186");
    (lab, address)
}

fn put(lab: &Lab, address: &str, body: &Value) -> Answer {
    lab.api("PUT", &format!("/api/v1/products/2621/mailboxes/{address}"), body)
}

fn opens(lab: &Lab, address: &str, identity: &str) -> bool {
    let with = json!({"user": address, "token": lab.token(identity)});
    client(&lab.ask("imap_login", "imap", &with))["ok"] == json!(true)
}

#[test]
fn what_is_chosen_by_the_api_is_kept_and_what_cannot_be_is_refused() {
    let (lab, address) = shared();
    let all = lab.api("GET", "/api/v1/products/2621/mailboxes", &Value::Null).json();
    assert_shape(
        &all,
        &json!({"schema": "=vaguemestre/mailboxes/1", "mailboxes": [{
            "schema": "=vaguemestre/mailbox/1", "type": "=ORG|APP", "address": "text",
            "profile": "=modern|rev1-only|rev2-only|old|mailiz", "oauthbearer": "boolean",
            "people": [{"identity": "text", "read": "boolean", "send_as": "boolean", "owner": "boolean"}],
            "limits": {"message": "integer?", "recipients": "integer?", "per_minute": "integer?"},
            "quota": {"octets": "integer?", "messages": "integer?"},
            "used": {"octets": "integer", "messages": "integer"},
        }]}),
    );
    let wanted = json!({"profile": "old", "oauthbearer": true, "people": [{"identity": OTHER, "read": true}],
        "limits": {"per_minute": 30}, "quota": {"octets": 1_000_000}});
    let kept = put(&lab, &address, &wanted).json();
    assert_eq!((&kept["profile"], &kept["oauthbearer"]), (&json!("old"), &json!(true)));
    assert_eq!(kept["people"][1], json!({"identity": OTHER, "read": true, "send_as": false, "owner": false}));
    assert_eq!((&kept["limits"]["per_minute"], &kept["quota"]["octets"]), (&json!(30), &json!(1_000_000)));
    let again = lab.api("GET", "/api/v1/products/2621/mailboxes", &Value::Null).json();
    assert_eq!(again["mailboxes"][0], kept, "kept");
    assert_eq!(put(&lab, &address, &json!({})).json(), kept, "what is left out stays");
    let app = again["mailboxes"][1]["address"].as_str().unwrap();
    for (address, body, status) in [
        (address.as_str(), json!({"profile": "exchange"}), 400),
        (&address, json!({"people": [{"identity": OTHER}]}), 400),
        (&address, json!({"people": [{"identity": "a b", "read": true}]}), 400),
        (&address, json!({"people": [{"identity": OWNER, "read": true}]}), 409),
        (&address, json!({"limits": {"per_minute": 0}}), 400),
        (&address, json!({"limits": {"per_hour": 1}}), 400),
        (app, json!({"people": [{"identity": OTHER, "read": true}]}), 409),
        ("nobody@mail-tests-editeur.vaguemestre.test", json!({"profile": "old"}), 404),
    ] {
        let answer = put(&lab, address, &body);
        assert_eq!(answer.status, status, "{body}: {answer:?}");
        assert_eq!(answer.json()["error"]["code"], "bad_input");
    }
    assert_eq!(
        lab.api("GET", "/api/v1/products/2621/mailboxes", &Value::Null).json(),
        again,
        "refusals change nothing"
    );
    assert_eq!(lab.api("GET", "/api/v1/products/9/mailboxes", &Value::Null).status, 404);
}

#[test]
fn somebody_allowed_on_the_page_opens_the_mailbox_until_revoked() {
    let (lab, address) = shared();
    let host = lab.authority();
    let form = |fields: &str| {
        let body = format!("address={}&{fields}", address.replace('@', "%40"));
        let headers = [
            ("Host", host.as_str()),
            ("Content-Type", "application/x-www-form-urlencoded"),
            ("Accept-Language", "en"),
        ];
        lab.http("POST", "/accounts/2621/mailboxes", &headers, body.as_bytes())
    };
    assert!(opens(&lab, &address, OWNER) && !opens(&lab, &address, OTHER));
    let nobody = form(&format!("act=authorise&identity={OTHER}"));
    assert_eq!(nobody.status, 400);
    assert!(nobody.body.contains("at least one right"), "{}", nobody.body);
    assert_eq!(form(&format!("act=authorise&identity={OTHER}&read=1")).status, 303);
    let page = lab.page("/accounts/2621?saved=1", "fr").body.replace('\u{202f}', " ");
    for words in [
        "Boîtes aux lettres",
        "Personnes autorisées",
        OTHER,
        "Retirer",
        "Les choix de la boîte sont enregistrés.",
    ] {
        assert!(page.contains(words), "{words} is missing");
    }
    assert!(opens(&lab, &address, OTHER));
    assert_eq!(form(&format!("act=revoke&identity={OTHER}")).status, 303);
    assert!(!opens(&lab, &address, OTHER));
    assert_eq!(form("profile=rev1-only&quota=2&per_minute=").status, 303);
    let kept = lab.api("GET", "/api/v1/products/2621/mailboxes", &Value::Null).json()["mailboxes"][0].clone();
    assert_eq!((&kept["profile"], &kept["quota"]["octets"]), (&json!("rev1-only"), &json!(2 * 1024 * 1024)));
    assert_eq!(form("profile=modern&quota=many").status, 400);
}
