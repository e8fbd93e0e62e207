//! What is written, as a reader sees it that shares nothing with ours: Python's own.

use std::process::Command;

use cda::{Sample, read_whole, write};
use serde_json::{Value, json};

use super::{patient, writing::time};

/// Facts of the files named as arguments, one JSON object.
const READER: &str = r#"
import base64, json, sys, xml.etree.ElementTree as E
V = '{urn:hl7-org:v3}'
X = '{http://www.w3.org/2001/XMLSchema-instance}type'
facts = []
for name in sys.argv[1:]:
    root = E.parse(name).getroot()
    part = lambda path: root.find('/'.join(V + step for step in path.split('/')))
    names = {(n.tag[len(V):], n.get('qualifier')): n.text for n in part('recordTarget/patientRole/patient/name')}
    results = [o for o in root.iter(V + 'observation')
               if any(t.get('root') == '1.3.6.1.4.1.19376.1.3.1.6' for t in o.findall(V + 'templateId'))]
    words = {e.get('ID'): ''.join(e.itertext()) for e in root.iter() if e.get('ID')}
    pdf = part('component/nonXMLBody/text')
    facts.append({
        'id': part('id').get('root'), 'code': part('code').get('code'), 'title': part('title').text,
        'ins': part('recordTarget/patientRole/id').get('extension'), 'names': [names['family', 'BR'], names['given', None]],
        'results': [[o.find(V + 'code').get('code'), words[o.find(f'{V}code/{V}originalText/{V}reference').get('value')[1:]],
                     [i.get('code') for i in o.findall(V + 'interpretationCode')], o.find(V + 'value').get(X),
                     o.find(V + 'value').get('value'), len(o.findall(f"{V}entryRelationship[@typeCode='REFR']"))] for o in results],
        'pdf': None if pdf is None else len(base64.b64decode(pdf.text)),
    })
print(json.dumps(facts))
"#;

#[test]
fn another_reader_sees_the_same_facts() {
    let folder = tempfile::tempdir().unwrap();
    let (mut paths, mut expected) = (Vec::new(), Vec::new());
    for (index, sample) in Sample::ALL.into_iter().enumerate() {
        let mut draft = sample.draft(&cda::oid_of(index as u128 + 1), patient(), time());
        draft.title = format!("<Titre> & \"{sample:?}\" d’essai – é");
        let bytes = write(&draft);
        let path = folder.path().join(format!("{index}.xml"));
        std::fs::write(&path, &bytes).unwrap();
        paths.push(path);
        let whole = read_whole(&bytes).unwrap();
        let results: Vec<Value> = whole
            .laboratory
            .results
            .iter()
            .map(|result| {
                let said: Vec<&str> = result.interpretations.iter().map(|code| code.code.as_str()).collect();
                let (kind, value) = match &result.values[0] {
                    cda::lab::Value::Quantity { value, .. } => ("PQ", Some(value)),
                    cda::lab::Value::Interval { .. } => ("IVL_PQ", None),
                    cda::lab::Value::Coded { .. } => ("CD", None),
                    other => panic!("{other:?}"),
                };
                json!([
                    result.code.as_ref().map(|code| &code.code),
                    result.label,
                    said,
                    kind,
                    value,
                    result.previous.len()
                ])
            })
            .collect();
        let patient = patient();
        expected.push(json!({
            "id": draft.id_root, "code": draft.code.code, "title": draft.title,
            "ins": patient.matricule.map(String::from), "names": [patient.traits.birth_name, patient.traits.given_names],
            "results": results, "pdf": whole.header.body.as_ref().map(|file| file.bytes.len()),
        }));
    }
    match Command::new("python3").args(["-c", READER]).args(&paths).output() {
        Ok(out) => {
            assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
            assert_eq!(serde_json::from_slice::<Value>(&out.stdout).unwrap(), Value::Array(expected));
        }
        Err(error) => eprintln!("SKIP python3: {error}"),
    }
}
