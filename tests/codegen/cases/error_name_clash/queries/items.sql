-- name: get :one
SELECT id FROM items;
