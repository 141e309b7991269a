-- name: put :exec
-- Set a fact of this file, whether or not it is there already.
INSERT INTO kernel_state (key, value)
VALUES (:key, :value)
ON CONFLICT (key) DO UPDATE SET value = excluded.value;
