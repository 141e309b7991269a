-- An app for notes: FTS5 over external content kept by triggers, a contentless index, JSON, revisions, settings.
CREATE TABLE folders (
    id TEXT PRIMARY KEY NOT NULL,
    parent_id TEXT REFERENCES folders (id) ON DELETE CASCADE,
    title TEXT NOT NULL DEFAULT '',
    created_time INT NOT NULL,
    is_shared INT NOT NULL DEFAULT 0
);
CREATE TABLE notes (
    id INTEGER PRIMARY KEY,
    folder_id TEXT NOT NULL REFERENCES folders (id) ON DELETE CASCADE,
    title TEXT NOT NULL DEFAULT "",
    body TEXT NOT NULL DEFAULT '',
    is_todo INT NOT NULL DEFAULT 0 CHECK (is_todo IN (0, 1)),
    latitude NUMERIC NOT NULL DEFAULT 0,
    longitude NUMERIC NOT NULL DEFAULT 0,
    attributes JSON,
    updated_time INT NOT NULL
);
CREATE INDEX notes_title ON notes (title);
CREATE INDEX notes_updated ON notes (folder_id, updated_time DESC);
CREATE VIRTUAL TABLE notes_fts USING fts5(title, body, content='notes', content_rowid='id', tokenize='porter unicode61');
CREATE TRIGGER notes_ai AFTER INSERT ON notes BEGIN
    INSERT INTO notes_fts (rowid, title, body) VALUES (new.id, new.title, new.body);
END;
CREATE TRIGGER notes_ad AFTER DELETE ON notes BEGIN
    INSERT INTO notes_fts (notes_fts, rowid, title, body) VALUES ('delete', old.id, old.title, old.body);
END;
CREATE TRIGGER notes_au AFTER UPDATE ON notes BEGIN
    INSERT INTO notes_fts (notes_fts, rowid, title, body) VALUES ('delete', old.id, old.title, old.body);
    INSERT INTO notes_fts (rowid, title, body) VALUES (new.id, new.title, new.body);
END;
CREATE VIRTUAL TABLE snippets USING fts5(body, tag UNINDEXED, prefix='2 3');
CREATE VIRTUAL TABLE words_only USING fts5(body, content='');
CREATE VIRTUAL TABLE vocabulary USING fts5vocab('snippets', 'row');
CREATE TABLE tags (id INTEGER PRIMARY KEY, title TEXT NOT NULL COLLATE NOCASE UNIQUE);
CREATE TABLE note_tags (note_id INTEGER NOT NULL REFERENCES notes ON DELETE CASCADE, tag_id INTEGER NOT NULL REFERENCES tags ON DELETE CASCADE,
    PRIMARY KEY (note_id, tag_id)) WITHOUT ROWID;
CREATE TABLE revisions (note_id INTEGER NOT NULL, n INTEGER NOT NULL, delta BLOB NOT NULL, made TEXT NOT NULL DEFAULT (datetime('now')),
    PRIMARY KEY (note_id, n DESC), FOREIGN KEY (note_id) REFERENCES notes (id) ON DELETE CASCADE);
CREATE TABLE settings ("key" TEXT PRIMARY KEY, "value" TEXT);
CREATE VIEW todo AS SELECT id, title, json_extract(attributes, '$.due') AS due FROM notes WHERE is_todo = 1;
CREATE VIEW tags_with_note_count AS
SELECT tags.id AS id, tags.title AS title, COUNT(notes.id) AS note_count
FROM tags LEFT JOIN note_tags nt ON nt.tag_id = tags.id LEFT JOIN notes ON notes.id = nt.note_id
WHERE notes.id IS NOT NULL GROUP BY tags.id;
