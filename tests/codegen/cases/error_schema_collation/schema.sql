CREATE TABLE items (
    id INTEGER PRIMARY KEY,
    name TEXT COLLATE german
);
