//! The tables. Text for both databases: see [`db::Db::migrate`].
//!
//! Times are milliseconds since 1970, UTC. Days of documents and acts are `YYYY-MM-DD` in the practice's own zone. `key` columns are opaque names, random, for the
//! outside; `id` columns never leave. What several facts would need one column for has several: fetched, stored, parsed.
//!
//! Who files new documents calls `list::enter` in the same transaction: it writes `lps_word` (search) and `lps_unread`
//! (what each person has not read yet). The list's indexes hold the small columns that filters look at, so that a page
//! with few matches reads narrow entries and not rows.

pub(crate) const MIGRATIONS: &[&str] = &["
CREATE TABLE lps_mailbox (
    id BIGINT PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    address TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    label TEXT NOT NULL,
    settings TEXT NOT NULL,
    since BIGINT NOT NULL,
    checked_at BIGINT,
    checked_by TEXT,
    failure TEXT,
    removed BIGINT NOT NULL
);
CREATE TABLE lps_folder (
    id BIGINT PRIMARY KEY,
    mailbox BIGINT NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    uid_validity BIGINT NOT NULL,
    uid_next BIGINT NOT NULL,
    modseq TEXT NOT NULL,
    UNIQUE (mailbox, name)
);
CREATE TABLE lps_blob (
    id BIGINT PRIMARY KEY,
    sha256 TEXT NOT NULL UNIQUE,
    size BIGINT NOT NULL
);
CREATE TABLE lps_blob_piece (
    place BIGINT PRIMARY KEY,
    data BLOB NOT NULL
);
CREATE TABLE lps_mail (
    id BIGINT PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    mailbox BIGINT NOT NULL,
    folder BIGINT NOT NULL,
    uid_validity BIGINT NOT NULL,
    uid BIGINT NOT NULL,
    received BIGINT NOT NULL,
    history BIGINT NOT NULL,
    flags TEXT NOT NULL,
    gone BIGINT NOT NULL,
    blob BIGINT,
    fetch_failure TEXT,
    fetch_attempts BIGINT NOT NULL,
    fetch_due BIGINT NOT NULL,
    parse TEXT NOT NULL,
    parser BIGINT NOT NULL,
    parse_failure TEXT,
    parse_attempts BIGINT NOT NULL,
    parse_due BIGINT NOT NULL,
    message_id TEXT,
    in_reply_to TEXT,
    sent BIGINT,
    sender TEXT,
    sender_name TEXT,
    provenance TEXT NOT NULL,
    subject TEXT NOT NULL,
    text TEXT NOT NULL,
    documents BIGINT NOT NULL,
    facts TEXT NOT NULL,
    UNIQUE (folder, uid_validity, uid)
);
CREATE INDEX lps_mail_parse ON lps_mail (parse, id);
CREATE INDEX lps_mail_message_id ON lps_mail (message_id);
CREATE INDEX lps_mail_wanted ON lps_mail (folder, uid_validity, uid) WHERE blob IS NULL AND gone = 0;
CREATE INDEX lps_mail_blob ON lps_mail (blob);
CREATE TABLE lps_document (
    id BIGINT PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    mail BIGINT NOT NULL,
    part BIGINT NOT NULL,
    path TEXT NOT NULL,
    mailbox BIGINT NOT NULL,
    form TEXT NOT NULL,
    action TEXT NOT NULL,
    type_code TEXT,
    type_label TEXT NOT NULL,
    title TEXT NOT NULL,
    author TEXT NOT NULL,
    organisation TEXT NOT NULL,
    author_id TEXT,
    organisation_id TEXT,
    made BIGINT,
    act_day TEXT,
    received BIGINT NOT NULL,
    provenance TEXT NOT NULL,
    cda_id TEXT,
    set_id TEXT,
    version BIGINT,
    replaces_id TEXT,
    sha256 TEXT NOT NULL,
    blob BIGINT NOT NULL,
    critical BIGINT NOT NULL,
    masking BIGINT NOT NULL,
    identity TEXT NOT NULL,
    facts TEXT NOT NULL,
    matricule TEXT,
    oid TEXT,
    patient_name TEXT NOT NULL,
    folded TEXT NOT NULL,
    decision TEXT NOT NULL,
    standing TEXT NOT NULL,
    standing_of BIGINT,
    state TEXT NOT NULL,
    patient BIGINT,
    filed_at BIGINT,
    filed_by TEXT,
    replaced_by BIGINT,
    history BIGINT NOT NULL,
    stamp BIGINT NOT NULL,
    assigned TEXT,
    vised_by TEXT,
    vised_at BIGINT,
    note TEXT,
    acknowledged_by TEXT,
    acknowledged_at BIGINT,
    escalated_at BIGINT,
    request BIGINT
);
CREATE INDEX lps_document_list ON lps_document (state, received, id, mailbox, provenance, type_code, standing);
CREATE INDEX lps_document_received ON lps_document (received, id, state, mailbox, provenance, type_code, standing);
CREATE INDEX lps_document_made ON lps_document (coalesce(made, received), id, state, mailbox, provenance, type_code, received);
CREATE INDEX lps_document_name ON lps_document (patient_name, id, state, mailbox, provenance, type_code, received);
CREATE INDEX lps_document_type ON lps_document (type_label, id, state, mailbox, provenance, type_code, received);
CREATE INDEX lps_document_mailbox ON lps_document (mailbox, state, received, id);
CREATE INDEX lps_document_patient ON lps_document (patient, received, id);
CREATE INDEX lps_document_cda ON lps_document (cda_id);
CREATE INDEX lps_document_set ON lps_document (set_id);
CREATE INDEX lps_document_replaces ON lps_document (replaces_id) WHERE replaces_id IS NOT NULL;
CREATE INDEX lps_document_sha256 ON lps_document (sha256);
CREATE INDEX lps_document_ins ON lps_document (matricule, oid);
CREATE INDEX lps_document_mail ON lps_document (mail);
CREATE INDEX lps_document_critical ON lps_document (received, id, acknowledged_at, state, mailbox, critical) WHERE critical = 1;
CREATE INDEX lps_document_request ON lps_document (received, id) WHERE request IS NOT NULL;
CREATE INDEX lps_document_assigned ON lps_document (assigned, received, id) WHERE assigned IS NOT NULL;
CREATE TABLE lps_word (
    word TEXT NOT NULL,
    document BIGINT NOT NULL,
    PRIMARY KEY (word, document)
) WITHOUT ROWID;
CREATE TABLE lps_request (
    id BIGINT PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    document BIGINT NOT NULL,
    target BIGINT,
    code BIGINT,
    state TEXT NOT NULL,
    reason TEXT,
    raised BIGINT NOT NULL,
    decided_by TEXT,
    decided_at BIGINT,
    effective_at BIGINT
);
CREATE INDEX lps_request_target ON lps_request (target, state);
CREATE INDEX lps_request_state ON lps_request (state, id);
CREATE TABLE lps_patient (
    id BIGINT PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    host_ref TEXT UNIQUE,
    record TEXT NOT NULL,
    matricule TEXT,
    oid TEXT,
    folded_birth TEXT NOT NULL,
    folded_first TEXT NOT NULL,
    birth_day TEXT,
    sex TEXT,
    shown TEXT NOT NULL,
    folded TEXT NOT NULL,
    removed BIGINT NOT NULL
);
CREATE INDEX lps_patient_ins ON lps_patient (matricule, oid);
CREATE INDEX lps_patient_traits ON lps_patient (birth_day, folded_birth);
CREATE INDEX lps_patient_name ON lps_patient (folded_birth, folded_first);
CREATE TABLE lps_former_ins (
    matricule TEXT NOT NULL,
    oid TEXT NOT NULL,
    patient BIGINT NOT NULL,
    PRIMARY KEY (matricule, oid, patient)
) WITHOUT ROWID;
CREATE TABLE lps_care (
    id BIGINT PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    patient BIGINT NOT NULL,
    professional TEXT NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    address TEXT,
    since TEXT NOT NULL,
    until TEXT
);
CREATE INDEX lps_care_patient ON lps_care (patient, id);
CREATE TABLE lps_person (
    id BIGINT PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    national_id TEXT UNIQUE,
    removed BIGINT NOT NULL
);
CREATE TABLE lps_right (
    person BIGINT NOT NULL,
    mailbox BIGINT NOT NULL,
    may TEXT NOT NULL,
    behalf BIGINT,
    since TEXT,
    until TEXT,
    PRIMARY KEY (person, mailbox)
) WITHOUT ROWID;
CREATE TABLE lps_unread (
    person BIGINT NOT NULL,
    received BIGINT NOT NULL,
    document BIGINT NOT NULL,
    PRIMARY KEY (person, received, document)
) WITHOUT ROWID;
CREATE INDEX lps_unread_document ON lps_unread (document);
CREATE TABLE lps_trace (
    seq BIGINT PRIMARY KEY,
    at BIGINT NOT NULL,
    author TEXT NOT NULL,
    behalf TEXT,
    act TEXT NOT NULL,
    document TEXT,
    mailbox TEXT,
    outcome TEXT NOT NULL,
    request TEXT NOT NULL,
    answer TEXT NOT NULL,
    chain TEXT NOT NULL
);
CREATE INDEX lps_trace_document ON lps_trace (document, seq);
CREATE INDEX lps_trace_at ON lps_trace (at);
CREATE TABLE lps_trace_chain (
    one BIGINT PRIMARY KEY,
    head BIGINT NOT NULL,
    head_chain TEXT NOT NULL,
    anchor BIGINT NOT NULL,
    anchor_chain TEXT NOT NULL
);
INSERT INTO lps_trace_chain (one, head, head_chain, anchor, anchor_chain) VALUES (1, 0, '', 0, '');
CREATE TABLE lps_change (
    seq BIGINT PRIMARY KEY,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    at BIGINT NOT NULL
);
CREATE TABLE lps_once (
    key TEXT PRIMARY KEY,
    digest TEXT NOT NULL,
    answer TEXT NOT NULL,
    at BIGINT NOT NULL
);
"];
