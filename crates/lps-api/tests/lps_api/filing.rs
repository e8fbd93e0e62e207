//! From a received mail to a patient's file, through the API alone.

use serde_json::json;
use xdm::Action;

use crate::Lab;
use crate::mails::{document, mail, patient};

#[tokio::test(flavor = "multi_thread")]
async fn a_document_is_listed_proposed_filed_and_traced() {
    let lab = Lab::new().await;
    let mailbox = lab.mailbox().await;
    let octets = document(1, 1);
    let keys = lab.receive(&mailbox.key, 1, &[mail(octets.clone(), Action::Create)]).await;
    let list = lab.get("/documents?state=to_do&counts=true&text=pat-tr%20dominique").await.ok();
    assert_eq!(list["documents"][0]["key"], keys[0], "{list}");
    assert_eq!((list["counts"]["to_do"].as_u64(), &list["next"]), (Some(1), &json!(null)));

    // Nobody here has this INS: the API says so rather than guess, and refuses to file by itself.
    let proposal = lab.get(&format!("/documents/{}/proposal", keys[0])).await.ok();
    assert_eq!(proposal["matched"]["decision"]["decision"], "unknown", "{proposal}");
    let acts = format!("/documents/{}/acts", keys[0]);
    let refused = lab.post(&acts, &json!({"act": "file"})).await;
    assert_eq!(refused.status, 409, "{refused:?}");

    // The host sends its patient, qualified: now it is certain.
    let record = json!({"identity": patient(), "status": "qualified"});
    let saved = lab.post("/patients", &json!({"host_ref": "P-1042", "record": record})).await.ok();
    let proposal = lab.get(&format!("/documents/{}/proposal", keys[0])).await.ok();
    assert_eq!(proposal["matched"]["decision"]["decision"], "file", "{proposal}");
    assert_eq!(proposal["patients"][0]["host_ref"], "P-1042");
    let row = lab.post(&acts, &json!({"act": "file"})).await.ok();
    assert_eq!((row["state"].as_str(), &row["patient"]), (Some("filed"), &saved["key"]));

    let content = lab.get(&format!("/documents/{}/content", keys[0])).await;
    assert_eq!((content.status, content.header("content-type")), (200, Some("application/xml")));
    assert_eq!(content.body, octets, "octet for octet");
    let life = lab.get(&format!("/documents/{}/life", keys[0])).await.ok();
    let acts: Vec<&str> =
        life["life"].as_array().unwrap().iter().filter_map(|line| line["act"].as_str()).collect();
    assert_eq!(acts.last(), Some(&"file"), "{life}");
    let source = lab.get(&format!("/mails/{}/source", row["mail"].as_str().unwrap())).await;
    assert!(source.status == 200 && source.body.starts_with(b"From: Laboratoire"));
    let csv = lab.get("/traces.csv?act=file").await;
    assert_eq!(
        String::from_utf8(csv.body).unwrap().lines().count(),
        3,
        "the refusal, the filing, and the head"
    );
    assert_eq!(lab.get("/traces/chain").await.ok()["broken"], json!(null));
    lab.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replacement_waits_for_a_person_then_for_the_host() {
    let lab = Lab::new().await;
    let mailbox = lab.mailbox().await;
    let first = lab.receive(&mailbox.key, 1, &[mail(document(1, 1), Action::Create)]).await;
    let filed = lab
        .post(&format!("/documents/{}/acts", first[0]), &json!({"act": "file_to_new", "host_ref": "P-1"}))
        .await;
    assert_eq!(filed.ok()["state"], "filed");
    let second = lab.receive(&mailbox.key, 2, &[mail(document(1, 2), Action::Replace)]).await;
    let pending = lab.get("/requests?state=pending").await.ok();
    let request = &pending["requests"][0];
    assert_eq!(
        (&request["document"], &request["target"]),
        (&json!(second[0]), &json!(first[0])),
        "{pending}"
    );
    // Whoever consults the document is told.
    let detail = lab.get(&format!("/documents/{}", first[0])).await.ok();
    assert_eq!(
        (&detail["document"]["request"], &detail["requests"][0]["key"]),
        (&request["key"], &request["key"])
    );
    let decision = format!("/requests/{}/decision", request["key"].as_str().unwrap());
    let early = lab.post(&decision, &json!({"decision": "confirm"})).await;
    assert_eq!(early.status, 409, "nothing is confirmed that nobody accepted: {early:?}");
    assert_eq!(lab.post(&decision, &json!({"decision": "accept"})).await.ok()["state"], "accepted");
    assert_eq!(lab.post(&decision, &json!({"decision": "confirm"})).await.ok()["state"], "effective");
    let versions = lab.get(&format!("/documents/{}", first[0])).await.ok()["versions"].clone();
    assert_eq!(versions[0]["document"], second[0], "the last one first: {versions}");
    lab.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idempotency_key_makes_a_repetition_harmless() {
    let lab = Lab::new().await;
    let mailbox = lab.mailbox().await;
    let keys = lab.receive(&mailbox.key, 1, &[mail(document(1, 1), Action::Create)]).await;
    let path = format!("/documents/{}/acts", keys[0]);
    let act = json!({"act": "file_to_new"});
    let send = || lab.send(lab.request("POST", &path).header("Idempotency-Key", "a-1").json(&act));
    // Two at once, as an impatient client does: one does it, the other is told to wait or gets the same answer.
    let (one, two) = tokio::join!(send(), send());
    for answer in [&one, &two] {
        assert!(answer.status == 200 || answer.status == 409, "{answer:?}");
    }
    let again = send().await;
    assert_eq!(again.header("idempotency-replayed"), Some("true"), "{again:?}");
    assert_eq!(again.ok()["state"], "filed");
    let patients = lab.get("/patients").await.ok();
    assert_eq!(patients["patients"].as_array().unwrap().len(), 1, "one file was made: {patients}");
    let other = lab.request("POST", &path).header("Idempotency-Key", "a-1").json(&json!({"act": "reopen"}));
    let problem = lab.send(other).await.refused(422, "bad_input");
    assert_eq!(problem["field"], "Idempotency-Key");
    // A refusal is an answer too; a key is the practice's own.
    let bad = || {
        lab.send(
            lab.request("POST", &path)
                .header("Idempotency-Key", "a-2")
                .json(&json!({"act": "dismiss", "reason": " "})),
        )
    };
    bad().await.refused(400, "bad_input");
    assert_eq!(bad().await.header("idempotency-replayed"), Some("true"));
    lab.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_see_and_do_what_their_rights_say() {
    let lab = Lab::new().await;
    let mailbox = lab.mailbox().await;
    let keys = lab.receive(&mailbox.key, 1, &[mail(document(1, 1), Action::Create)]).await;
    let person =
        lab.post("/people", &json!({"name": "Dominique Secrétaire", "role": "secretary"})).await.ok();
    let person = person["key"].as_str().unwrap().to_owned();
    let as_person =
        |request: reqwest::RequestBuilder| lab.send(request.header("Vaguemestre-Person", &person));
    let document = format!("/documents/{}", keys[0]);
    as_person(lab.request("GET", &document)).await.refused(404, "not_found");
    let right = format!("/people/{person}/rights/{}", mailbox.key);
    let grant = |may: &str| lab.send(lab.request("PUT", &right).json(&json!({"may": may})));
    assert_eq!(grant("read").await.status, 200);
    assert_eq!(as_person(lab.request("GET", &document)).await.ok()["document"]["read"], false);
    let act = |body| as_person(lab.request("POST", &format!("{document}/acts")).json(&body));
    assert_eq!(act(json!({"act": "file_to_new"})).await.refused(403, "no_right")["retry"], "never");
    assert_eq!(grant("act").await.status, 200);
    let acted = act(json!({"act": "note", "text": "À rappeler"})).await.ok();
    assert_eq!(acted["note"], "À rappeler");
    let life = lab.get(&format!("{document}/life")).await.ok();
    assert_eq!(life["life"].as_array().unwrap().last().unwrap()["author"], "Dominique Secrétaire", "{life}");
    lab.end().await;
}
