CREATE TABLE items (
    id INTEGER PRIMARY KEY,
    name TEXT CHECK (well_formed(name))
);
