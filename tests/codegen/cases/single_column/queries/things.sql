-- name: name_of :one
SELECT name FROM things WHERE id = :id;

-- name: note_of :one
SELECT note FROM things WHERE id = :id;

-- name: size_of :one
SELECT size FROM things WHERE id = :id;

-- name: weight_of :one
SELECT weight FROM things WHERE id = :id;

-- name: raw_of :one
SELECT raw FROM things WHERE id = :id;

-- name: done_of :one
SELECT done FROM things WHERE id = :id;

-- name: made_of :one
SELECT made FROM things WHERE id = :id;

-- name: data_of :one
SELECT data FROM things WHERE id = :id;

-- name: extra_of :one
SELECT extra FROM things WHERE id = :id;

-- name: state_of :one
SELECT state FROM things WHERE id = :id;

-- name: level_of :one
SELECT level FROM things WHERE id = :id;

-- name: amount_of :one
SELECT amount FROM things WHERE id = :id;

-- name: anything_of :one
SELECT anything FROM things WHERE id = :id;

-- name: all_data :many
SELECT data FROM things;

-- name: all_names :many
SELECT name FROM things WHERE state = :state AND name = :type;

-- name: each_extra :iter
SELECT extra FROM things WHERE note IS :note;

-- name: renamed :one
UPDATE things SET name = :name WHERE id = :id RETURNING name;
