/* name: GetWriter :one */
SELECT * FROM writers
WHERE id = ? LIMIT 1;

/* name: ListWriters :many */
SELECT * FROM writers
ORDER BY name;

/* name: CreateWriter :execresult */
INSERT INTO writers (
    name, bio
) VALUES (
    ?, ?
);

-- name: CreateBook :execlastid
-- A book with its writer; the rowid of the new row.
INSERT INTO books (writer_id, title, year) VALUES (?1, @title, $year);

-- name: CreateBookOnce :execlastid
INSERT INTO books (writer_id, title, isbn) VALUES (?, ?, ?) ON CONFLICT DO NOTHING;

-- name: RenameBook :execrows
UPDATE books
SET isbn = sqlc.narg('isbn'), year = sqlc.arg(year)
WHERE id = sqlc.arg("id");

-- name: BooksBetween :many
SELECT id, title FROM books WHERE year >= ? AND year < ? AND writer_id = ?3 ORDER BY id LIMIT ? OFFSET ?;

-- name: AddWriters :batchexec
INSERT INTO writers (name, bio) VALUES (?, ?);

-- name: RemoveBooks :copyfrom
DELETE FROM books WHERE id = ?;

-- name: DeleteBook :exec
DELETE FROM books WHERE id = ?;
