// CDA documents read, and the IHE_XDM.zip that carries them in an MSSanté mail. What is read of a document is its header:
// what the subject, the X-MSS-* headers and METADATA.XML are made of. What a document does not say is left out.

import { createHash, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { zipSync } from 'fflate';
import { SaxesParser } from 'saxes';

const HL7 = 'urn:hl7-org:v3';
// Roots of the patient ids that are an INS: NIR, NIA, and the two for tests and demonstrations.
const INS_OIDS = [8, 9, 10, 11].map((last) => `1.2.250.1.213.1.4.${last}`);

// The header of one CDA document, and its bytes.
export class Document {
  constructor(data) {
    this.data = data;
    const root = headerOf(data);
    this.root = root;
    const code = root.at('code');
    [this.code, this.codeSystem, this.label] = ['code', 'codeSystem', 'displayName'].map((name) => code.get(name));
    this.title = root.at('title').words();
    this.uniqueId = [root.at('id').get('root'), root.at('id').get('extension')].filter(Boolean).join('^');
    this.created = root.at('effectiveTime').get('value');
    this.serviceStart = root.at('documentationOf/serviceEvent/effectiveTime/low').get('value');
    this.serviceStop = root.at('documentationOf/serviceEvent/effectiveTime/high').get('value');
    this.language = root.at('languageCode').get('code');
    const role = root.at('recordTarget/patientRole');
    if (!role.name) throw new Error('no patient in the document');
    const ids = role.all('id').map((id) => [id.get('extension'), id.get('root')]).filter(([value]) => value);
    this.ins = ids.find(([, oid]) => INS_OIDS.includes(oid)) ?? null;
    this.localId = ids.find(([, oid]) => oid && !INS_OIDS.includes(oid)) ?? null;
    const named = (what, qualifier) => role.all(`patient/name/${what}`)
      .filter((part) => part.get('qualifier').split(/\s+/).includes(qualifier)).map((part) => part.words());
    this.birthName = named('family', 'BR')[0] ?? named('family', '')[0] ?? '';
    // Without a birth name qualified as such, the first of the given names stands for it.
    this.firstName = named('given', 'BR')[0] ?? named('given', '').join(' ').split(' ')[0];
    this.birthDate = role.at('patient/birthTime').get('value');
    this.sex = role.at('patient/administrativeGenderCode').get('code');
  }

  // What tells one patient from another: the INS, else the traits.
  patientKey() {
    return (this.ins ?? [this.birthName.toUpperCase(), this.firstName.toUpperCase(), this.birthDate, this.sex]).join('|');
  }

  // Matricule, OID and the four traits: the INS that X-MSS-INS speaks of (ECO.2.4.2).
  qualified() {
    return Boolean(this.ins && this.birthName && this.firstName && this.birthDate && this.sex);
  }

  // The PDF that a level 1 document is made of; null for a structured one.
  embeddedPdf() {
    const text = this.root.at('component/nonXMLBody/text');
    const data = text.get('representation') === 'B64' ? Buffer.from(text.text.replace(/\s+/g, ''), 'base64') : Buffer.alloc(0);
    return data.subarray(0, 5).toString('latin1') === '%PDF-' ? data : null;
  }

  // The label of the type, cut to 40 characters (ECO.2.1.3, ECO.2.1.6).
  shortLabel() {
    return [...(this.label || this.title || this.code)].slice(0, 40).join('');
  }

  // `<day of the act>_<type>_<NAME>_<first name>.pdf` (ECO.2.1.6).
  pdfName() {
    const parts = [this.serviceStart.slice(0, 8), this.shortLabel(), plain(this.birthName).toUpperCase(), plain(this.firstName)];
    return `${parts.filter(Boolean).join('_').replace(/[/\\:*?"<>|\x00-\x1f]/g, '-')}.pdf`;
  }
}

// The CDA documents of one patient: a mail never holds two patients (ECO.2.1.1).
export function readDocuments(paths) {
  const documents = paths.map((path) => new Document(readFileSync(path)));
  if (new Set(documents.map((one) => one.patientKey())).size > 1) throw new Error('the documents are about more than one patient');
  return documents;
}

// `XDM/1.0/DDM+<label> <NAME> <first name> <date of birth>` (ECO.2.1.3).
export function subject(documents) {
  const [first] = documents;
  const born = /^(\d{4})(\d{2})(\d{2})/.exec(first.birthDate);
  const label = documents.length === 1 ? first.shortLabel() : `${documents.length} documents`;
  const words = [label, plain(first.birthName).toUpperCase(), plain(first.firstName), born && `${born[3]}/${born[2]}/${born[1]}`];
  return `XDM/1.0/DDM+${words.filter(Boolean).join(' ')}`;
}

// The bytes of IHE_XDM.zip: index, read-me, metadata, documents (IHE ITI-32).
export function archive(documents, sender) {
  const files = documents.map((one, at) => [`DOC${String(at + 1).padStart(5, '0')}.XML`, one]);
  const listed = files.map(([name]) => `<li>IHE_XDM/SUBSET01/${name}</li>`).join('');
  const index = '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML Basic 1.1//EN" '
    + '"http://www.w3.org/TR/xhtml-basic/xhtml-basic11.dtd">\n<html xmlns="http://www.w3.org/1999/xhtml"><head><title>IHE XDM</title></head>'
    + `<body><p><a href="README.TXT">README.TXT</a></p><ul>${listed}</ul></body></html>\n`;
  const readme = `Emetteur : ${sender}\r\nLogiciel : exemple d'adaptateur\r\nDocuments : IHE_XDM/SUBSET01\r\n`;
  return Buffer.from(zipSync({
    'INDEX.HTM': Buffer.from(index),
    'README.TXT': Buffer.from(readme),
    'IHE_XDM/SUBSET01/METADATA.XML': Buffer.from(metadata(files)),
    ...Object.fromEntries(files.map(([name, one]) => [`IHE_XDM/SUBSET01/${name}`, one.data])),
  }));
}

// --- Reading XML ---------------------------------------------------------------------------------------------------

// An element: enough of a tree to look things up in a header.
class Element {
  constructor(name = '', attributes = {}) {
    Object.assign(this, { name, attributes, children: [], text: '' });
  }

  get(name) {
    return (this.attributes[name]?.value ?? '').trim();
  }

  words() {
    return this.text.split(/\s+/).filter(Boolean).join(' ');
  }

  all(path) {
    return path.split('/').reduce((found, name) => found.flatMap((one) => one.children.filter((child) => child.name === name)), [this]);
  }

  // The first such element; an empty one where there is none, so that look-ups chain.
  at(path) {
    return this.all(path)[0] ?? new Element();
  }
}

// The first ClinicalDocument of the bytes, wherever it is: some documents are wrapped in a style sheet.
function headerOf(data) {
  const parser = new SaxesParser({ xmlns: true });
  const open = [new Element()];
  let found = null;
  parser.on('doctype', () => { throw new Error('a CDA document has no DTD'); });
  parser.on('opentag', (tag) => {
    const element = new Element(tag.uri === HL7 ? tag.local : '', tag.attributes);
    open.at(-1).children.push(element);
    if (!found && element.name === 'ClinicalDocument') found = element;
    open.push(element);
  });
  parser.on('text', (text) => { open.at(-1).text += text; });
  parser.on('closetag', () => open.pop());
  parser.on('error', (error) => { throw new Error(`not well-formed XML: ${error.message}`); });
  // The decoder takes the byte order mark off, and refuses what is not of its encoding.
  const declared = /^[^>]*encoding=["']([\w-]+)["']/.exec(data.subarray(0, 200).toString('latin1'))?.[1] ?? 'utf-8';
  parser.write(new TextDecoder(declared, { fatal: true }).decode(data)).close();
  if (!found) throw new Error('no ClinicalDocument in it');
  return found;
}

// Without accents, as the subject wants the patient's names.
function plain(text) {
  return text.normalize('NFD').replace(/\p{M}/gu, '');
}

// --- Writing METADATA.XML (IHE XDS, in ebRIM 3.0) ------------------------------------------------------------------

const APPROVED = 'urn:oasis:names:tc:ebxml-regrep:StatusType:Approved';
const escaped = (text) => text.replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c]);
const newId = () => `urn:uuid:${randomUUID()}`;

// An element; values of attributes and texts are escaped here and nowhere else.
function rim(name, attributes, ...content) {
  const written = Object.entries(attributes).map(([key, value]) => ` ${key}="${escaped(value)}"`).join('');
  return `<rim:${name}${written}>${content.join('')}</rim:${name}>`;
}

function slot(name, ...values) {
  const held = values.filter(Boolean).map((value) => rim('Value', {}, escaped(value)));
  return held.length ? rim('Slot', { name }, rim('ValueList', {}, ...held)) : '';
}

const named = (value) => (value ? rim('Name', {}, rim('LocalizedString', { value })) : '');

function identifier(registryObject, scheme, value, name) {
  return value ? rim('ExternalIdentifier', { id: newId(), registryObject, identificationScheme: `urn:uuid:${scheme}`, value }, named(name)) : '';
}

// A classification by the code of a CDA element; nothing where the document has no such code.
function coded(classifiedObject, scheme, element) {
  const nodeRepresentation = element.get('code');
  if (!nodeRepresentation) return '';
  const attributes = { id: newId(), classificationScheme: `urn:uuid:${scheme}`, classifiedObject, nodeRepresentation };
  return rim('Classification', attributes, slot('codingScheme', element.get('codeSystem')), named(element.get('displayName')));
}

// The first author, as HL7's XCN and XON forms have it.
function author(classifiedObject, scheme, document) {
  const who = document.root.at('author/assignedAuthor');
  if (!who.name) return '';
  const place = who.at('representedOrganization');
  const [family, given] = ['family', 'given'].map((part) => who.at(`assignedPerson/name/${part}`).words());
  const skill = who.at('code');
  return rim(
    'Classification',
    { id: newId(), classificationScheme: `urn:uuid:${scheme}`, classifiedObject, nodeRepresentation: '' },
    slot('authorInstitution', place.at('name').words() && `${place.at('name').words()}^^^^^&1.2.250.1.71.4.2.2&ISO^IDNST^^^${place.at('id').get('extension')}`),
    slot('authorPerson', family && `${who.at('id').get('extension')}^${family}^${given}^^^^^^&1.2.250.1.71.4.2.1&ISO^D^^^IDNPS`),
    slot('authorSpecialty', skill.get('code') && [skill.get('code'), skill.get('displayName'), skill.get('codeSystem')].join('^')),
  );
}

// A CDA time (`YYYYMMDDHHMMSS+ZZZZ`, possibly shorter) in UTC without offset, as XDS writes times.
function universal(time) {
  const found = /^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})?(?:\.\d+)?([+-]\d{2})(\d{2})$/.exec(time);
  if (!found) return /^\d{4,14}/.exec(time)?.[0] ?? '';
  const [, year, month, day, hour, minute, second = '00', offset, rest] = found;
  return compact(new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}${offset}:${rest}`));
}

const compact = (date) => date.toISOString().replace(/[-:T]|\..*/g, '');

// The patient's identifier in HL7's CX form: the INS before a local one, unless the local one is asked for.
function patientCx(document, localFirst = false) {
  const ins = document.ins && `${document.ins[0]}^^^&${document.ins[1]}&ISO^NH`;
  const local = document.localId && `${document.localId[0]}^^^&${document.localId[1]}&ISO^PI`;
  return (localFirst ? local ?? ins : ins ?? local) ?? '';
}

// The DocumentEntry of one document.
function entry(id, name, document) {
  const { root } = document;
  const attributes = { id, mimeType: 'text/xml', objectType: 'urn:uuid:7edca82f-054d-47f2-a032-9b2a5b5186c1', status: APPROVED };
  const pdf = new Element('formatCode', { code: { value: 'urn:ihe:iti:xds-sd:pdf:2008' }, codeSystem: { value: '1.3.6.1.4.1.19376.1.2.3' }, displayName: { value: 'PDF' } });
  const practice = 'documentationOf/serviceEvent/performer/assignedEntity/representedOrganization/standardIndustryClassCode';
  return rim(
    'ExtrinsicObject',
    attributes,
    slot('hash', createHash('sha1').update(document.data).digest('hex')),
    slot('size', String(document.data.length)),
    slot('URI', name),
    slot('creationTime', universal(document.created)),
    slot('languageCode', document.language),
    slot('serviceStartTime', universal(document.serviceStart)),
    slot('serviceStopTime', universal(document.serviceStop)),
    slot('sourcePatientId', patientCx(document, true)),
    slot('sourcePatientInfo', `PID-5|${document.birthName}^${document.firstName}^^^^^L`, `PID-7|${document.birthDate}`, `PID-8|${document.sex}`),
    named(document.title),
    author(id, '93606bcf-9494-43ec-9b4e-a7748d1a838d', document),
    coded(id, 'f4f85eac-e6cb-4883-b524-f2705394840f', root.at('confidentialityCode')),
    ...root.all('documentationOf/serviceEvent/code').map((act) => coded(id, '2c6b8cb7-8b2a-4051-b291-b1ae6a575ef4', act)),
    document.embeddedPdf() ? coded(id, 'a09d5840-386c-46f2-b5ad-9c3699a4309d', pdf) : '',
    coded(id, 'f33fb8ac-18af-42cc-ae0e-ed0b0bdb91e1', root.at('componentOf/encompassingEncounter/location/healthCareFacility/code')),
    coded(id, 'cccf5598-8b07-4b77-a05e-ae952c785ead', root.at(practice)),
    coded(id, 'f0306f51-975f-434e-a61c-c59651d33983', root.at('code')),
    identifier(id, '58a6f841-87b3-4a3e-92fd-a8ffeff98427', patientCx(document), 'XDSDocumentEntry.patientId'),
    identifier(id, '2e82c1f6-a085-4c72-9da3-8640a32e42ab', document.uniqueId, 'XDSDocumentEntry.uniqueId'),
  );
}

// METADATA.XML: one submission set, one entry a document, and what links them.
function metadata(files) {
  const [[, first]] = files;
  const id = newId();
  const entries = files.map(([name, document]) => [newId(), name, document]);
  const custodian = first.root.at('custodian/assignedCustodian/representedCustodianOrganization/id');
  const source = [custodian.get('root'), custodian.get('extension')].filter(Boolean).join('.');
  const submission = rim(
    'RegistryPackage',
    { id, status: APPROVED },
    slot('submissionTime', compact(new Date())),
    named(files.length === 1 ? first.title : `${files.length} documents`),
    author(id, 'a7058bb9-b4e4-4307-ba5b-e3f0ab85e12d', first),
    identifier(id, '6b5aea1a-874d-4603-a4bc-96a0a7b38446', patientCx(first), 'XDSSubmissionSet.patientId'),
    identifier(id, '554ac39e-e3fe-47fe-b233-965d2a147832', source, 'XDSSubmissionSet.sourceId'),
    identifier(id, '96fdda7c-d067-4183-912e-bf5ee74998a8', `2.25.${BigInt(`0x${randomUUID().replaceAll('-', '')}`)}`, 'XDSSubmissionSet.uniqueId'),
  );
  const node = rim('Classification', { id: newId(), classifiedObject: id, classificationNode: 'urn:uuid:a54d6aa5-d40d-43f9-88c5-b4633d873bdd' });
  const links = entries.map(([target]) => rim(
    'Association',
    { id: newId(), associationType: 'urn:oasis:names:tc:ebxml-regrep:AssociationType:HasMember', sourceObject: id, targetObject: target },
    slot('SubmissionSetStatus', 'Original'),
  ));
  return '<?xml version="1.0" encoding="UTF-8"?>\n'
    + '<lcm:SubmitObjectsRequest xmlns:lcm="urn:oasis:names:tc:ebxml-regrep:xsd:lcm:3.0" xmlns:rim="urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0">'
    + `${rim('RegistryObjectList', {}, ...entries.map((one) => entry(...one)), submission, node, ...links)}</lcm:SubmitObjectsRequest>\n`;
}
