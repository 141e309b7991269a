CREATE TABLE items (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL
);
CREATE TRIGGER noted AFTER INSERT ON items BEGIN
    UPDATE items SET name = 'x' WHERE
        number = NEW.id;
END;
