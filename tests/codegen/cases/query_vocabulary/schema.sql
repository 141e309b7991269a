CREATE TABLE artists (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    born DATETIME
);

CREATE TABLE albums (
    id INTEGER PRIMARY KEY,
    artist_id INTEGER NOT NULL REFERENCES artists (id),
    title TEXT,
    kind TEXT CHECK (kind IN ('studio', 'live')),
    price REAL NOT NULL DEFAULT 10,
    released DATETIME,
    data JSON TEXT
);
CREATE INDEX albums_artist ON albums (artist_id);

-- Nothing in a tag is NOT NULL but its rowid.
CREATE TABLE tags (
    album_id INTEGER REFERENCES albums (id),
    tag TEXT
);

CREATE VIEW priced AS
SELECT id, title, price FROM albums WHERE price > 0;

CREATE TABLE covers (
    hash BLOB PRIMARY KEY NOT NULL,
    album_id INTEGER NOT NULL REFERENCES albums (id)
) WITHOUT ROWID;
