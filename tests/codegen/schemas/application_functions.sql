-- Needs what an application registers: functions, collations, a module. SQLite builds it; it runs where they are there.
CREATE TABLE books (id INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT NOT NULL DEFAULT 'Unknown' COLLATE NOCASE, sort TEXT COLLATE unicase, timestamp TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    isbn TEXT DEFAULT '' COLLATE NOCASE, uuid TEXT, series_index REAL NOT NULL DEFAULT 1.0, path TEXT NOT NULL DEFAULT '');
CREATE INDEX books_sort ON books (sort COLLATE unicase);
CREATE TABLE authors (id INTEGER PRIMARY KEY, name TEXT NOT NULL COLLATE NOCASE, link TEXT NOT NULL DEFAULT '', key TEXT AS (fold_case(name)) VIRTUAL, UNIQUE (name));
CREATE INDEX authors_folded ON authors (fold_case(name));
CREATE TABLE books_authors_link (id INTEGER PRIMARY KEY, book INTEGER NOT NULL, author INTEGER NOT NULL, UNIQUE (book, author));
CREATE TABLE ratings (id INTEGER PRIMARY KEY, rating INTEGER CHECK (rating > -1 AND rating < 11), source TEXT CHECK (is_known_source(source)), UNIQUE (rating));
CREATE TRIGGER books_insert_trg AFTER INSERT ON books BEGIN
    UPDATE books SET sort = title_sort(NEW.title), uuid = uuid4() WHERE id = NEW.id;
END;
CREATE TRIGGER books_update_trg AFTER UPDATE OF title ON books WHEN NEW.title IS NOT OLD.title BEGIN
    UPDATE books SET sort = title_sort(NEW.title) WHERE id = NEW.id;
END;
CREATE TRIGGER fk_link BEFORE INSERT ON books_authors_link BEGIN
    SELECT CASE WHEN (SELECT id FROM books WHERE id = NEW.book) IS NULL THEN RAISE(ABORT, 'Foreign key violation: book is not in books') END;
END;
CREATE VIEW meta AS
SELECT id, title, (SELECT sortconcat(bal.id, name) FROM books_authors_link AS bal JOIN authors ON bal.author = authors.id WHERE book = books.id) AS authors,
    (SELECT max(rating) FROM ratings) AS rating
FROM books;
CREATE VIRTUAL TABLE spatial USING no_such_module(a, b, c);
CREATE VIEW over_spatial AS SELECT a FROM spatial;
