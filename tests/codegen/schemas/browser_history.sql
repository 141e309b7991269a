-- A browser's history: WITHOUT ROWID, hashes, microseconds, tombstones, a self-reference with a root, BLOB keys.
CREATE TABLE places (
    id INTEGER PRIMARY KEY,
    url LONGVARCHAR NOT NULL,
    title LONGVARCHAR,
    rev_host LONGVARCHAR,
    visit_count_local INTEGER NOT NULL DEFAULT 0,
    hidden TINYINT DEFAULT 0 NOT NULL,
    typed INTEGER DEFAULT 0 NOT NULL,
    frecency INTEGER DEFAULT -1 NOT NULL,
    last_visit_date INTEGER NOT NULL DEFAULT 0,
    guid TEXT NOT NULL UNIQUE,
    url_hash INTEGER DEFAULT 0 NOT NULL,
    origin_id INTEGER NOT NULL,
    CHECK (length(guid) == 12),
    FOREIGN KEY (origin_id) REFERENCES origins (id) ON DELETE CASCADE
);
CREATE INDEX places_url_hash ON places (url_hash);
CREATE INDEX places_host ON places (rev_host);
CREATE INDEX places_frecency ON places (frecency DESC, last_visit_date DESC);
CREATE TABLE origins (
    id INTEGER PRIMARY KEY,
    prefix TEXT NOT NULL,
    host TEXT NOT NULL,
    rev_host TEXT NOT NULL,
    frecency INTEGER NOT NULL,
    UNIQUE (prefix, host)
);
CREATE TABLE visits (
    id INTEGER PRIMARY KEY,
    is_local INTEGER NOT NULL,
    from_visit INTEGER,
    place_id INTEGER NOT NULL,
    visit_date INTEGER NOT NULL,
    visit_type INTEGER NOT NULL,
    FOREIGN KEY (place_id) REFERENCES places (id) ON DELETE CASCADE,
    FOREIGN KEY (from_visit) REFERENCES visits (id)
);
CREATE UNIQUE INDEX visits_date_type ON visits (place_id, visit_date, visit_type);
CREATE TABLE bookmarks (
    id INTEGER PRIMARY KEY,
    fk INTEGER DEFAULT NULL,
    type INTEGER NOT NULL CHECK (type IN (1, 2, 3)),
    parent INTEGER,
    position INTEGER NOT NULL,
    title TEXT,
    dateAdded INTEGER NOT NULL DEFAULT 0,
    guid TEXT NOT NULL UNIQUE CHECK (length(guid) == 12),
    CHECK ((type = 1 AND fk IS NOT NULL) OR (type > 1 AND fk IS NULL)),
    CHECK (guid == 'root________' OR parent IS NOT NULL OR position >= 0),
    FOREIGN KEY (fk) REFERENCES places (id) ON DELETE RESTRICT,
    FOREIGN KEY (parent) REFERENCES bookmarks (id) ON DELETE CASCADE
);
CREATE INDEX bookmarks_parent ON bookmarks (parent, position);
CREATE TABLE keywords (place_id INTEGER PRIMARY KEY REFERENCES places (id) ON DELETE RESTRICT, keyword TEXT NOT NULL UNIQUE);
CREATE TABLE tombstones (guid TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE inputhistory (
    place_id INTEGER NOT NULL,
    input LONGVARCHAR NOT NULL,
    use_count REAL NOT NULL,
    PRIMARY KEY (place_id, input),
    FOREIGN KEY (place_id) REFERENCES places (id) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE TABLE meta (key TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID;
CREATE TABLE icons (digest BLOB PRIMARY KEY CHECK (length(digest) = 20), data BLOB, width INT, expire_ms INT) WITHOUT ROWID;
CREATE TABLE icon_of_page (digest BLOB NOT NULL REFERENCES icons, place_id INT NOT NULL REFERENCES places (id),
    PRIMARY KEY (place_id, digest DESC)) WITHOUT ROWID;
CREATE TRIGGER places_afterdelete AFTER DELETE ON places BEGIN
    INSERT OR IGNORE INTO tombstones (guid) VALUES (OLD.guid);
END;
CREATE TRIGGER bookmarks_frecency AFTER INSERT ON bookmarks WHEN NEW.fk NOT NULL BEGIN
    UPDATE places SET frecency = frecency + 1 WHERE id = NEW.fk;
END;
CREATE VIEW visited AS SELECT p.guid, p.url, max(v.visit_date) AS last, count(v.id) AS n
FROM places p LEFT JOIN visits v ON v.place_id = p.id GROUP BY p.id;
