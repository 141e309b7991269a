CREATE TABLE items (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL
);
CREATE VIEW pairs AS
SELECT name FROM items AS a JOIN items AS b ON a.id < b.id;
