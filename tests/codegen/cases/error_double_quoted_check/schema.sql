CREATE TABLE a (
    id INTEGER PRIMARY KEY,
    state TEXT CHECK (state IN ("on", "off"))
);
