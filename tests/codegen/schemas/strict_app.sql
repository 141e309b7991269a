-- An app whose tables are all STRICT.
CREATE TABLE organisation (id BLOB PRIMARY KEY, name TEXT NOT NULL, plan TEXT NOT NULL DEFAULT 'free' CHECK (plan IN ('free', 'pro', 'team')),
    created_at INTEGER NOT NULL DEFAULT (unixepoch())) STRICT;
CREATE TABLE member (
    organisation_id BLOB NOT NULL REFERENCES organisation (id) ON DELETE CASCADE,
    email TEXT NOT NULL COLLATE NOCASE,
    role TEXT CHECK (role IN ('owner', 'admin') OR role IS NULL),
    seats INT NOT NULL DEFAULT 1,
    ratio REAL,
    extra ANY,
    PRIMARY KEY (organisation_id, email)
) STRICT, WITHOUT ROWID;
CREATE TABLE project (
    id INTEGER PRIMARY KEY,
    organisation_id BLOB NOT NULL,
    slug TEXT NOT NULL CHECK (slug = lower(slug) AND length(slug) BETWEEN 1 AND 40),
    settings TEXT CHECK (settings IS NULL OR json_valid(settings)),
    budget INTEGER CHECK (typeof(budget) IN ('integer', 'null')),
    spent REAL NOT NULL DEFAULT 0.0,
    left_over REAL GENERATED ALWAYS AS (budget - spent) VIRTUAL,
    FOREIGN KEY (organisation_id) REFERENCES organisation (id) ON DELETE RESTRICT
) STRICT;
CREATE UNIQUE INDEX project_slug ON project (organisation_id, slug);
CREATE TABLE key_value (k TEXT PRIMARY KEY, v ANY) STRICT;
CREATE TABLE number_of (n INT PRIMARY KEY, word TEXT) STRICT;
CREATE TABLE measurement (taken_at INTEGER NOT NULL, sensor INTEGER NOT NULL, value REAL NOT NULL, PRIMARY KEY (sensor, taken_at DESC)) STRICT, WITHOUT ROWID;
CREATE TABLE unlogged (payload BLOB NOT NULL, note TEXT) STRICT;
CREATE VIEW overspent AS SELECT id, slug, left_over FROM project WHERE left_over < 0;
