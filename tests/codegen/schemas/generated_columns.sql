-- Generated columns, virtual and stored, first and last, as keys of indexes, over other generated ones, and NOT NULL.
CREATE TABLE box (id INTEGER PRIMARY KEY, w REAL NOT NULL, h REAL NOT NULL, d REAL, area REAL GENERATED ALWAYS AS (w * h) STORED, volume REAL AS (area * d),
    label TEXT AS ('box ' || id) VIRTUAL, big BOOLEAN NOT NULL AS (coalesce(volume, 0) > 10));
CREATE TABLE person (first TEXT GENERATED ALWAYS AS (substr(full_name, 1, instr(full_name || ' ', ' ') - 1)) STORED, full_name TEXT NOT NULL, email TEXT NOT NULL,
    email_key TEXT NOT NULL GENERATED ALWAYS AS (lower(email)) STORED UNIQUE, born DATE, century INTEGER AS (substr(born, 1, 2) + 1));
CREATE INDEX person_first ON person (first);
CREATE TABLE document (id INTEGER PRIMARY KEY, body JSON NOT NULL, title TEXT AS (json_extract(body, '$.title')) STORED, kind AS (body ->> '$.kind'), n INT AS (json_array_length(body, '$.items')));
CREATE INDEX document_title ON document (title, n);
CREATE TABLE only_generated (id INTEGER PRIMARY KEY, twice INTEGER AS (id * 2));
CREATE TABLE untyped_generated (a, b AS (a), c TEXT AS (typeof(a)) STORED, PRIMARY KEY (a)) WITHOUT ROWID;
CREATE TABLE with_default (id INTEGER PRIMARY KEY, made TEXT NOT NULL DEFAULT (datetime('now')), day TEXT AS (date(made)) STORED, stamp INTEGER DEFAULT (CAST(strftime('%s', 'now') AS INTEGER)),
    token TEXT NOT NULL DEFAULT (lower(hex(randomblob(8)))), pi REAL DEFAULT 3.14, neg INTEGER DEFAULT -5, expr INTEGER DEFAULT (1 + 2), hexa INTEGER DEFAULT 0x1F, word TEXT DEFAULT bare, none_at_all TEXT DEFAULT NULL, yes BOOLEAN DEFAULT TRUE, raw BLOB DEFAULT x'c0ffee', at TIME DEFAULT CURRENT_TIME, big REAL DEFAULT 1e3);
