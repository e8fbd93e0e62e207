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
