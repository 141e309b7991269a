-- name: quoted :one
-- "As it stands"
SELECT kept FROM layout WHERE kept = 'a   
"""';
