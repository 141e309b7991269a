-- name: a :many
SELECT id FROM items WHERE true
    AND id <> :p1 -- @if p1
    AND id <> :p2 -- @if p2
    AND id <> :p3 -- @if p3
    AND id <> :p4 -- @if p4
    AND id <> :p5 -- @if p5
    AND id <> :p6 -- @if p6
    AND id <> :p7 -- @if p7
    AND id <> :p8 -- @if p8
    AND id <> :p9 -- @if p9
;
