-- +goose Up
CREATE TABLE entries (
    id INTEGER PRIMARY KEY, feed_id BIGINT NOT NULL REFERENCES feeds (id) ON DELETE CASCADE, hash TEXT NOT NULL,
    published_at TIMESTAMP NOT NULL, status TEXT NOT NULL DEFAULT 'unread' CHECK (status IN ('unread', 'read', 'removed')),
    starred BOOL NOT NULL DEFAULT FALSE, content TEXT, UNIQUE (feed_id, hash)
);
ALTER TABLE feeds ADD COLUMN category_id INTEGER REFERENCES categories (id);
-- +goose StatementBegin
CREATE TRIGGER entries_removed AFTER UPDATE ON entries WHEN new.status = 'removed' BEGIN
    UPDATE entries SET content = NULL WHERE id = new.id;
END;
-- +goose StatementEnd
-- +goose Down
ALTER TABLE feeds DROP COLUMN category_id;
DROP TABLE entries;
