-- name: query_1 :many
SELECT id AS key_1, name FROM records;

-- name: query_2 :many
SELECT id AS key_2, name FROM records;

-- name: query_3 :many
SELECT id AS key_3, name FROM records;

-- name: query_4 :many
SELECT id AS key_4, name FROM records;

-- name: query_5 :many
SELECT id AS key_5, name FROM records;

-- name: query_6 :many
SELECT id AS key_6, name FROM records;

-- name: query_7 :many
SELECT id AS key_7, name FROM records;

-- name: query_8 :many
SELECT id AS key_8, name FROM records;

-- name: query_9 :many
SELECT id AS key_9, name FROM records;

-- name: query_10 :many
SELECT id AS key_10, name FROM records;

-- name: query_11 :many
SELECT id AS key_11, name FROM records;

-- name: query_12 :many
SELECT id AS key_12, name FROM records;

-- name: query_13 :many
SELECT id AS key_13, name FROM records;

-- name: query_14 :many
SELECT id AS key_14, name FROM records;

-- name: query_15 :many
SELECT id AS key_15, name FROM records;

-- name: query_16 :many
SELECT id AS key_16, name FROM records;

-- name: query_17 :many
SELECT id AS key_17, name FROM records;

-- name: query_18 :many
SELECT id AS key_18, name FROM records;

