CREATE TABLE items (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL
);
CREATE INDEX items_name ON itens (name);
