-- +goose NO TRANSACTION
-- +goose Up
CREATE TABLE enclosures (entry_id INTEGER NOT NULL REFERENCES entries (id) ON DELETE CASCADE, url TEXT NOT NULL, size INT, mime_type TEXT DEFAULT '');
CREATE INDEX enclosures_entry_id ON enclosures (entry_id);
-- +goose Down
DROP TABLE enclosures;
