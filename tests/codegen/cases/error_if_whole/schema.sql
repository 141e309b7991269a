CREATE TABLE items (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    price REAL
);

CREATE TABLE tags (
    item_id INTEGER NOT NULL REFERENCES items (id),
    tag TEXT NOT NULL
);
CREATE INDEX tags_item ON tags (item_id);
