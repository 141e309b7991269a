-- name: a :many
PRAGMA user_version;
