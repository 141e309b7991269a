CREATE TABLE items (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL
);
CREATE VIEW named AS
SELECT id, nmae FROM items;
