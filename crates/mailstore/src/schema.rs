//! The tables. Text for both databases: see [`db::Db::migrate`].

/// Bytes in one piece of a body.
pub(crate) const PIECE: usize = 256 * 1024;
/// Bytes of header block that are kept beside the body.
pub(crate) const HEADERS: usize = 64 * 1024;
/// Places that a body has in `body_chunk`: place `body * PLACES + n` holds the lead (n = 0) or the nth piece. One
/// number rather than two, so that it is SQLite's row id and chunks lie in order.
pub(crate) const PLACES: i64 = 65_536;

pub(crate) const MIGRATIONS: &[&str] = &[
    "
CREATE TABLE account (
    id BIGINT PRIMARY KEY,
    address TEXT NOT NULL UNIQUE,
    uid_validity BIGINT NOT NULL
);
CREATE TABLE folder (
    id BIGINT PRIMARY KEY,
    account BIGINT NOT NULL REFERENCES account (id),
    name TEXT NOT NULL,
    special_use TEXT,
    uid_validity BIGINT NOT NULL,
    uid_next BIGINT NOT NULL,
    highest_modseq BIGINT NOT NULL,
    subscribed BIGINT NOT NULL,
    UNIQUE (account, name)
);
CREATE TABLE message (
    folder BIGINT NOT NULL,
    uid BIGINT NOT NULL,
    modseq BIGINT NOT NULL,
    flags BIGINT NOT NULL,
    keywords TEXT NOT NULL,
    size BIGINT NOT NULL,
    internal_date BIGINT NOT NULL,
    body BIGINT NOT NULL,
    PRIMARY KEY (folder, uid)
) WITHOUT ROWID;
CREATE INDEX message_modseq ON message (folder, modseq);
CREATE TABLE expunged (
    folder BIGINT NOT NULL,
    modseq BIGINT NOT NULL,
    uid BIGINT NOT NULL,
    PRIMARY KEY (folder, modseq, uid)
) WITHOUT ROWID;
CREATE TABLE body (
    id BIGINT PRIMARY KEY,
    size BIGINT NOT NULL,
    sha256 TEXT NOT NULL,
    lead BIGINT NOT NULL,
    refs BIGINT NOT NULL,
    headers BLOB NOT NULL
);
CREATE TABLE body_chunk (
    place BIGINT PRIMARY KEY,
    data BLOB NOT NULL
);
CREATE TABLE body_draft (
    body BIGINT PRIMARY KEY,
    at_us BIGINT NOT NULL
);
",
    "
ALTER TABLE account ADD COLUMN limit_bytes BIGINT;
ALTER TABLE account ADD COLUMN limit_messages BIGINT;
ALTER TABLE folder ADD COLUMN messages BIGINT NOT NULL DEFAULT 0;
ALTER TABLE folder ADD COLUMN bytes BIGINT NOT NULL DEFAULT 0;
UPDATE folder SET
    messages = (SELECT count(*) FROM message WHERE message.folder = folder.id),
    bytes = (SELECT cast(coalesce(sum(size), 0) AS bigint) FROM message WHERE message.folder = folder.id);
ALTER TABLE message ADD COLUMN save_date BIGINT NOT NULL DEFAULT 0;
ALTER TABLE message ADD COLUMN learned BIGINT NOT NULL DEFAULT 0;
CREATE INDEX message_unlearned ON message (folder, learned, uid) WHERE learned < 3;
ALTER TABLE body ADD COLUMN structure BLOB;
ALTER TABLE body ADD COLUMN preview TEXT;
CREATE TABLE message_head (
    folder BIGINT NOT NULL,
    uid BIGINT NOT NULL,
    sent_day BIGINT,
    sent_at BIGINT,
    h_from TEXT,
    h_to TEXT,
    h_cc TEXT,
    h_bcc TEXT,
    h_subject TEXT,
    h_message_id TEXT,
    PRIMARY KEY (folder, uid)
) WITHOUT ROWID;
CREATE TABLE body_text (
    body BIGINT PRIMARY KEY,
    folded TEXT NOT NULL
);
",
    "
ALTER TABLE folder ADD COLUMN recent_uid BIGINT NOT NULL DEFAULT 1;
CREATE TABLE lost_subscription (
    account BIGINT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (account, name)
) WITHOUT ROWID;
",
];
