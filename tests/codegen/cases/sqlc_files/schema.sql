-- A bookshop, in the style of sqlc's examples.
CREATE TABLE writers (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    bio TEXT
);

CREATE TABLE books (
    id INTEGER PRIMARY KEY,
    writer_id INTEGER NOT NULL REFERENCES writers (id),
    title TEXT NOT NULL,
    year INTEGER NOT NULL DEFAULT 2000,
    kind TEXT NOT NULL DEFAULT 'fiction' CHECK (kind IN ('fiction', 'other')),
    isbn TEXT UNIQUE
);
CREATE INDEX books_writer ON books (writer_id);

-- Without a key: its rows are told apart by their rowid.
CREATE TABLE notes (
    book_id INTEGER REFERENCES books (id),
    text TEXT
);
