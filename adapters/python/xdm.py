"""CDA documents read, and the IHE_XDM.zip that carries them in an MSSanté mail.

Standard library only, Python 3.9 or later. What is read of a document is its header: what the subject, the X-MSS-*
headers and METADATA.XML are made of. Nothing here invents a value: what a document does not say is left out.
"""

import base64
import datetime
import hashlib
import io
import re
import unicodedata
import uuid
import xml.etree.ElementTree as ET
import zipfile

HL7 = "{urn:hl7-org:v3}"
# Roots of the patient ids that are an INS: NIR, NIA, and the two for tests and demonstrations.
INS_OIDS = tuple(f"1.2.250.1.213.1.4.{last}" for last in (8, 9, 10, 11))
LCM, RIM = "urn:oasis:names:tc:ebxml-regrep:xsd:lcm:3.0", "urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0"
APPROVED = "urn:oasis:names:tc:ebxml-regrep:StatusType:Approved"


class Unreadable(Exception):
    """A file that is no CDA document."""


class Document:
    """The header of one CDA document, and its bytes."""

    def __init__(self, data):
        self.data = data
        try:
            if b"<!DOCTYPE" in data:
                raise Unreadable("a CDA document has no DTD")
            # Some documents are wrapped in a style sheet: the header is the first ClinicalDocument, wherever it is.
            root = next(iter(ET.fromstring(data).iter(HL7 + "ClinicalDocument")), None)
        except ET.ParseError as error:
            raise Unreadable(f"not well-formed XML: {error}") from None
        if root is None:
            raise Unreadable("no ClinicalDocument in it")
        self.root = root
        code = root.find(HL7 + "code")
        self.code, self.code_system, self.label = (attribute(code, name) for name in ("code", "codeSystem", "displayName"))
        self.title = " ".join((root.findtext(HL7 + "title") or "").split())
        self.unique_id = "^".join(filter(None, (self.at("id", "root"), self.at("id", "extension"))))
        self.created = self.at("effectiveTime", "value")
        self.service_start = self.at("documentationOf/serviceEvent/effectiveTime/low", "value")
        self.service_stop = self.at("documentationOf/serviceEvent/effectiveTime/high", "value")
        self.language = self.at("languageCode", "code")
        self.read_patient(root.find(path("recordTarget/patientRole")))

    def at(self, where, name):
        return attribute(self.root.find(path(where)), name)

    def read_patient(self, role):
        if role is None:
            raise Unreadable("no patient in it")
        ids = [(attribute(one, "extension"), attribute(one, "root")) for one in role.findall(HL7 + "id")]
        self.ins = next(((value, oid) for value, oid in ids if value and oid in INS_OIDS), None)
        self.local_id = next(((value, oid) for value, oid in ids if value and oid and oid not in INS_OIDS), None)
        family, first, every = None, None, []
        for name in role.iterfind(path("patient/name/*")):
            text, qualifiers = " ".join((name.text or "").split()), (name.get("qualifier") or "").split()
            if name.tag == HL7 + "family" and ("BR" in qualifiers or (family is None and not qualifiers)):
                family = text
            elif name.tag == HL7 + "given" and "BR" in qualifiers:
                first = text
            elif name.tag == HL7 + "given" and not qualifiers:
                every.append(text)
        # Without a birth name qualified as such, the first of the given names stands for it.
        self.birth_name, self.first_name = family or "", first or (" ".join(every).split() or [""])[0]
        self.birth_date = attribute(role.find(path("patient/birthTime")), "value")
        self.sex = attribute(role.find(path("patient/administrativeGenderCode")), "code")

    def patient_key(self):
        """What tells one patient from another: the INS, else the traits."""
        return self.ins or (self.birth_name.upper(), self.first_name.upper(), self.birth_date, self.sex)

    def qualified(self):
        """Matricule, OID and the four traits: the INS that X-MSS-INS speaks of (ECO.2.4.2)."""
        return bool(self.ins and self.birth_name and self.first_name and self.birth_date and self.sex)

    def embedded_pdf(self):
        """The PDF that a level 1 document is made of; None for a structured one."""
        text = self.root.find(path("component/nonXMLBody/text"))
        if text is None or text.get("representation") != "B64":
            return None
        data = base64.b64decode("".join((text.text or "").split()))
        return data if data.startswith(b"%PDF-") else None

    def short_label(self):
        """The label of the type, cut to 40 characters (ECO.2.1.3, ECO.2.1.6)."""
        return (self.label or self.title or self.code)[:40]

    def pdf_name(self):
        """`<day of the act>_<type>_<NAME>_<first name>.pdf` (ECO.2.1.6)."""
        parts = [self.service_start[:8], self.short_label(), plain(self.birth_name).upper(), plain(self.first_name)]
        return re.sub(r'[/\\:*?"<>|\x00-\x1f]', "-", "_".join(filter(None, parts))) + ".pdf"


def path(where):
    return "/".join(part if part == "*" else HL7 + part for part in where.split("/"))


def attribute(element, name):
    return (element.get(name) or "").strip() if element is not None else ""


def plain(text):
    """Without accents, as the subject wants the patient's names."""
    return "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))


def subject(documents):
    """`XDM/1.0/DDM+<label> <NAME> <first name> <date of birth>` (ECO.2.1.3)."""
    first = documents[0]
    label = first.short_label() if len(documents) == 1 else f"{len(documents)} documents"
    day = first.birth_date[:8]
    born = f"{day[6:8]}/{day[4:6]}/{day[:4]}" if len(day) == 8 and day.isdigit() else ""
    words = [label, plain(first.birth_name).upper(), plain(first.first_name), born]
    return "XDM/1.0/DDM+" + " ".join(filter(None, words))


def universal(time):
    """A CDA time (`YYYYMMDDHHMMSS+ZZZZ`, possibly shorter) in UTC without offset, as XDS writes times."""
    found = re.fullmatch(r"(\d{4,14})(?:\.\d+)?([+-]\d{4})?", time)
    if not found or not found[2] or len(found[1]) < 12:
        return found[1] if found else ""
    there = datetime.datetime.strptime(found[1] + found[2], "%Y%m%d%H%M%S%z" if len(found[1]) == 14 else "%Y%m%d%H%M%z")
    return there.astimezone(datetime.timezone.utc).strftime("%Y%m%d%H%M%S")


# ---------------------------------------------------------------------------------------------------------------------
# The archive
# ---------------------------------------------------------------------------------------------------------------------


def archive(documents, sender):
    """The bytes of IHE_XDM.zip: index, read-me, metadata, documents (IHE ITI-32)."""
    files = [(f"DOC{number:05}.XML", one) for number, one in enumerate(documents, 1)]
    listed = "".join(f"<li>IHE_XDM/SUBSET01/{name}</li>" for name, _ in files)
    index = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML Basic 1.1//EN" '
        '"http://www.w3.org/TR/xhtml-basic/xhtml-basic11.dtd">\n<html xmlns="http://www.w3.org/1999/xhtml">'
        f'<head><title>IHE XDM</title></head><body><p><a href="README.TXT">README.TXT</a></p><ul>{listed}</ul></body></html>\n'
    )
    readme = f"Emetteur : {sender}\r\nLogiciel : exemple d'adaptateur\r\nDocuments : IHE_XDM/SUBSET01\r\n"
    content = [
        ("INDEX.HTM", index.encode()),
        ("README.TXT", readme.encode()),
        ("IHE_XDM/SUBSET01/METADATA.XML", metadata(files)),
        *((f"IHE_XDM/SUBSET01/{name}", one.data) for name, one in files),
    ]
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as zip_file:
        for name, data in content:
            zip_file.writestr(name, data)
    return out.getvalue()


def metadata(files):
    """METADATA.XML: one submission set, one entry a document, and what links them."""
    ET.register_namespace("lcm", LCM)
    ET.register_namespace("rim", RIM)
    request = ET.Element(f"{{{LCM}}}SubmitObjectsRequest")
    registry = rim(request, "RegistryObjectList")
    entries = [entry(registry, name, document) for name, document in files]
    first = files[0][1]
    package = new_id()
    submission = rim(registry, "RegistryPackage", id=package, status=APPROVED)
    slot(submission, "submissionTime", datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%d%H%M%S"))
    name_of(submission, first.title if len(files) == 1 else f"{len(files)} documents")
    author(submission, package, "urn:uuid:a7058bb9-b4e4-4307-ba5b-e3f0ab85e12d", first)
    identify(submission, package, "6b5aea1a-874d-4603-a4bc-96a0a7b38446", patient_cx(first), "XDSSubmissionSet.patientId")
    custodian = first.root.find(path("custodian/assignedCustodian/representedCustodianOrganization/id"))
    source = ".".join(filter(None, (attribute(custodian, "root"), attribute(custodian, "extension"))))
    identify(submission, package, "554ac39e-e3fe-47fe-b233-965d2a147832", source, "XDSSubmissionSet.sourceId")
    identify(submission, package, "96fdda7c-d067-4183-912e-bf5ee74998a8", f"2.25.{uuid.uuid4().int}", "XDSSubmissionSet.uniqueId")
    rim(registry, "Classification", id=new_id(), classifiedObject=package, classificationNode="urn:uuid:a54d6aa5-d40d-43f9-88c5-b4633d873bdd")
    for one in entries:
        member = "urn:oasis:names:tc:ebxml-regrep:AssociationType:HasMember"
        link = rim(registry, "Association", id=new_id(), associationType=member, sourceObject=package, targetObject=one)
        slot(link, "SubmissionSetStatus", "Original")
    return ET.tostring(request, encoding="UTF-8", xml_declaration=True)


def entry(registry, name, document):
    """The DocumentEntry of one document; its id."""
    own = new_id()
    objects = "urn:uuid:7edca82f-054d-47f2-a032-9b2a5b5186c1"
    node = rim(registry, "ExtrinsicObject", id=own, mimeType="text/xml", objectType=objects, status=APPROVED)
    slot(node, "hash", hashlib.sha1(document.data).hexdigest())
    slot(node, "size", str(len(document.data)))
    slot(node, "URI", name)
    slot(node, "creationTime", universal(document.created))
    slot(node, "languageCode", document.language)
    slot(node, "serviceStartTime", universal(document.service_start))
    slot(node, "serviceStopTime", universal(document.service_stop))
    slot(node, "sourcePatientId", patient_cx(document, local_first=True))
    names = f"PID-5|{document.birth_name}^{document.first_name}^^^^^L"
    slot(node, "sourcePatientInfo", names, f"PID-7|{document.birth_date}", f"PID-8|{document.sex}")
    name_of(node, document.title)
    author(node, own, "urn:uuid:93606bcf-9494-43ec-9b4e-a7748d1a838d", document)
    coded(node, own, "f4f85eac-e6cb-4883-b524-f2705394840f", document.root.find(HL7 + "confidentialityCode"))
    for act in document.root.iterfind(path("documentationOf/serviceEvent/code")):
        coded(node, own, "2c6b8cb7-8b2a-4051-b291-b1ae6a575ef4", act)
    if document.embedded_pdf():
        form = {"code": "urn:ihe:iti:xds-sd:pdf:2008", "codeSystem": "1.3.6.1.4.1.19376.1.2.3", "displayName": "PDF"}
        coded(node, own, "a09d5840-386c-46f2-b5ad-9c3699a4309d", form)
    place = "componentOf/encompassingEncounter/location/healthCareFacility/code"
    coded(node, own, "f33fb8ac-18af-42cc-ae0e-ed0b0bdb91e1", document.root.find(path(place)))
    practice = "documentationOf/serviceEvent/performer/assignedEntity/representedOrganization/standardIndustryClassCode"
    coded(node, own, "cccf5598-8b07-4b77-a05e-ae952c785ead", document.root.find(path(practice)))
    coded(node, own, "f0306f51-975f-434e-a61c-c59651d33983", document.root.find(HL7 + "code"))
    identify(node, own, "58a6f841-87b3-4a3e-92fd-a8ffeff98427", patient_cx(document), "XDSDocumentEntry.patientId")
    identify(node, own, "2e82c1f6-a085-4c72-9da3-8640a32e42ab", document.unique_id, "XDSDocumentEntry.uniqueId")
    return own


def patient_cx(document, local_first=False):
    """The patient's identifier in HL7's CX form: the INS before a local one, unless the local one is asked for."""
    ins = document.ins and f"{document.ins[0]}^^^&{document.ins[1]}&ISO^NH"
    local = document.local_id and f"{document.local_id[0]}^^^&{document.local_id[1]}&ISO^PI"
    return (local or ins if local_first else ins or local) or ""


def new_id():
    return f"urn:uuid:{uuid.uuid4()}"


def rim(parent, name, /, **attributes):
    return ET.SubElement(parent, f"{{{RIM}}}{name}", attributes)


def slot(parent, name, *values):
    """A slot; none where there is nothing to say."""
    values = [value for value in values if value]
    if values:
        held = rim(rim(parent, "Slot", name=name), "ValueList")
        for value in values:
            rim(held, "Value").text = value


def name_of(parent, text):
    if text:
        rim(rim(parent, "Name"), "LocalizedString", value=text)


def identify(parent, own, scheme, value, name):
    if value:
        found = rim(parent, "ExternalIdentifier", id=new_id(), registryObject=own, identificationScheme="urn:uuid:" + scheme, value=value)
        name_of(found, name)


def coded(parent, own, scheme, code):
    """A classification by the code of a CDA element (or the like); none where the document has no such code."""
    if code is None or not code.get("code"):
        return
    made = rim(parent, "Classification", id=new_id(), classificationScheme="urn:uuid:" + scheme, classifiedObject=own, nodeRepresentation=code.get("code"))
    slot(made, "codingScheme", code.get("codeSystem"))
    name_of(made, code.get("displayName"))


def author(parent, own, scheme, document):
    """The first author, as HL7's XCN and XON forms have it."""
    who = document.root.find(path("author/assignedAuthor"))
    if who is None:
        return
    made = rim(parent, "Classification", id=new_id(), classificationScheme=scheme, classifiedObject=own, nodeRepresentation="")
    family, given = (who.findtext(path(f"assignedPerson/name/{part}")) or "" for part in ("family", "given"))
    own_id = attribute(who.find(HL7 + "id"), "extension")
    institution = who.find(HL7 + "representedOrganization")
    if institution is not None and institution.findtext(HL7 + "name"):
        number = attribute(institution.find(HL7 + "id"), "extension")
        slot(made, "authorInstitution", f"{institution.findtext(HL7 + 'name').strip()}^^^^^&1.2.250.1.71.4.2.2&ISO^IDNST^^^{number}")
    if family:
        slot(made, "authorPerson", f"{own_id}^{family.strip()}^{given.strip()}^^^^^^&1.2.250.1.71.4.2.1&ISO^D^^^IDNPS")
    skill = who.find(HL7 + "code")
    if attribute(skill, "code"):
        slot(made, "authorSpecialty", f"{skill.get('code')}^{attribute(skill, 'displayName')}^{attribute(skill, 'codeSystem')}")
