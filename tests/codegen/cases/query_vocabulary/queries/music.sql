-- name: album_with_artist :one
-- An album and the artist who made it.
SELECT sqlc.embed(albums), sqlc.embed(artists), albums.price * 2 AS double_price
FROM albums
JOIN artists ON artists.id = albums.artist_id
WHERE albums.id = sqlc.arg(id);

-- name: artists_and_albums :many
-- Each artist beside each album of theirs; None where there is none.
SELECT artist.name, sqlc.embed(album)
FROM artists AS artist
LEFT JOIN albums AS album ON album.artist_id = artist.id
ORDER BY artist.id, album.id;

-- name: discographies :many
-- @group albums: al
-- Each artist with the list of their albums, the oldest artist first.
SELECT sqlc.embed(ar) AS artist, sqlc.embed(al)
FROM artists AS ar
LEFT JOIN albums AS al ON al.artist_id = ar.id
ORDER BY ar.id, al.id;

-- name: discography :one
-- @group albums: albums
SELECT artists.id, artists.name, sqlc.embed(albums)
FROM artists
LEFT JOIN albums ON albums.artist_id = artists.id
WHERE artists.id = ?
ORDER BY albums.id;

-- name: albums_with_tags :many
-- @group tags: tag
SELECT albums.id, albums.kind, tags.tag
FROM albums
LEFT JOIN tags ON tags.album_id = albums.id
ORDER BY albums.id, tags.rowid;

-- name: tagged :many
SELECT albums.title, sqlc.embed(tags)
FROM albums
LEFT JOIN tags ON tags.album_id = albums.id
ORDER BY albums.id, tags.rowid;

-- name: prices :many
SELECT artists.name, sqlc.embed(priced)
FROM albums
JOIN artists ON artists.id = albums.artist_id
JOIN priced ON priced.id = albums.id
ORDER BY albums.id;

-- name: with_ids :many
SELECT * FROM albums WHERE id IN (sqlc.slice('ids')) ORDER BY id;

-- name: of_kinds :many
SELECT id FROM albums
WHERE kind IN (SELECT value FROM json_each(:kinds)) AND released NOT IN (sqlc.slice(days))
ORDER BY id;

-- name: search :many
-- Albums, all of them or only some.
-- @order cheapest: albums.price, albums.id
-- @order newest: albums.released DESC, albums.id DESC
SELECT albums.id, albums.title
FROM albums
JOIN artists ON artists.id = albums.artist_id
WHERE true
    AND artists.name = :artist              -- @if artist
    -- @if untitled
    AND albums.title IS NULL
    -- @end
ORDER BY albums.id
LIMIT :limit;

-- name: filtered :many
SELECT id FROM albums
WHERE price > 0
    AND price BETWEEN :low AND 1000  -- @if low
    AND id IN (sqlc.slice(ids))      -- @if ids
    AND kind IS :kind                -- @if kind
ORDER BY id;

-- name: count_of :one
SELECT count(*) FROM albums
WHERE price > 0
    AND artist_id = :artist_id -- @if artist_id
;

-- name: reprice :execrows
UPDATE albums SET price = :price
WHERE id > 0
    AND kind = :kind -- @if kind
    AND artist_id = :artist_id; -- the rest

-- name: add_albums :batch
INSERT INTO albums (artist_id, title, kind, price, released) VALUES (:artist_id, :title, :kind, :price, :released);

-- name: twice :many
SELECT albums.id, artists.id, count(*), count(*)
FROM albums
JOIN artists ON artists.id = albums.artist_id
GROUP BY albums.id;

-- name: cheap :many
-- All columns of a view are its row class.
SELECT * FROM priced WHERE price < :price ORDER BY id;

-- name: newest_album :one
-- An aggregate over no rows gives a row of NULLs: there is no album in it.
SELECT sqlc.embed(albums), max(albums.id) AS newest FROM albums WHERE albums.artist_id = :artist_id;

-- name: retitle :execrows
UPDATE albums SET title = coalesce(sqlc.narg('title'), title), price = coalesce(sqlc.narg(price), price)
WHERE id = sqlc.arg(id);

-- name: covers_of :many
SELECT * FROM covers WHERE hash IN (sqlc.slice('hashes')/*SLICE:hashes*/) ORDER BY album_id;

-- name: covers_without :many
SELECT album_id FROM covers
WHERE album_id > 0
    AND hash NOT IN (sqlc.slice(hashes)) -- @if hashes
ORDER BY album_id;
