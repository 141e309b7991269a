-- +goose Up
-- +goose StatementBegin
CREATE TABLE feeds (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    url TEXT NOT NULL UNIQUE,
    title TEXT NOT NULL DEFAULT '',
    checked_at TIMESTAMP,
    parsing_error_count INT DEFAULT 0
);
-- +goose StatementEnd
CREATE TABLE categories (id INTEGER PRIMARY KEY, title TEXT NOT NULL);

-- +goose Down
DROP TABLE categories;
DROP TABLE feeds;
