CREATE TABLE items (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    note TEXT,
    data JSON TEXT
);
INSERT INTO items (name) VALUES ('a');
