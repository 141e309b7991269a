-- A shop for music: the classic teaching schema, with foreign keys indexed one by one and a table of pairs.
CREATE TABLE artist (
    artist_id INTEGER NOT NULL,
    name NVARCHAR(120),
    CONSTRAINT pk_artist PRIMARY KEY (artist_id)
);
CREATE TABLE album (
    album_id INTEGER NOT NULL,
    title NVARCHAR(160) NOT NULL,
    artist_id INTEGER NOT NULL,
    released DATE,
    CONSTRAINT pk_album PRIMARY KEY (album_id),
    FOREIGN KEY (artist_id) REFERENCES artist (artist_id) ON DELETE NO ACTION ON UPDATE NO ACTION
);
CREATE TABLE genre (genre_id INTEGER PRIMARY KEY NOT NULL, name NVARCHAR(120) UNIQUE);
CREATE TABLE media_type (media_type_id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, name NVARCHAR(120) NOT NULL);
CREATE TABLE track (
    track_id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    name NVARCHAR(200) NOT NULL,
    album_id INTEGER REFERENCES album,
    media_type_id INTEGER NOT NULL REFERENCES media_type (media_type_id),
    genre_id INTEGER REFERENCES genre (genre_id) ON DELETE SET NULL,
    composer NVARCHAR(220),
    milliseconds INTEGER NOT NULL CHECK (milliseconds > 0),
    bytes INTEGER,
    unit_price NUMERIC(10, 2) NOT NULL
);
CREATE TABLE playlist (playlist_id INTEGER PRIMARY KEY, name NVARCHAR(120));
CREATE TABLE playlist_track (
    playlist_id INTEGER NOT NULL,
    track_id INTEGER NOT NULL,
    CONSTRAINT pk_playlist_track PRIMARY KEY (playlist_id, track_id),
    FOREIGN KEY (playlist_id) REFERENCES playlist (playlist_id) ON DELETE CASCADE,
    FOREIGN KEY (track_id) REFERENCES track (track_id)
);
CREATE TABLE employee (
    employee_id INTEGER PRIMARY KEY NOT NULL,
    last_name NVARCHAR(20) NOT NULL,
    first_name NVARCHAR(20) NOT NULL,
    title NVARCHAR(30),
    reports_to INTEGER,
    birth_date DATETIME,
    hire_date DATETIME,
    email NVARCHAR(60),
    FOREIGN KEY (reports_to) REFERENCES employee (employee_id)
);
CREATE TABLE customer (
    customer_id INTEGER PRIMARY KEY NOT NULL,
    first_name NVARCHAR(40) NOT NULL,
    last_name NVARCHAR(20) NOT NULL,
    company NVARCHAR(80),
    country NVARCHAR(40) DEFAULT 'Norway',
    email NVARCHAR(60) NOT NULL COLLATE NOCASE,
    support_rep_id INTEGER REFERENCES employee (employee_id)
);
CREATE TABLE invoice (
    invoice_id INTEGER PRIMARY KEY NOT NULL,
    customer_id INTEGER NOT NULL REFERENCES customer (customer_id),
    invoice_date DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    total NUMERIC(10, 2) NOT NULL DEFAULT 0
);
CREATE TABLE invoice_line (
    invoice_line_id INTEGER PRIMARY KEY NOT NULL,
    invoice_id INTEGER NOT NULL REFERENCES invoice (invoice_id) ON DELETE CASCADE,
    track_id INTEGER NOT NULL REFERENCES track (track_id),
    unit_price NUMERIC(10, 2) NOT NULL,
    quantity INTEGER NOT NULL DEFAULT 1 CHECK (quantity BETWEEN 1 AND 1000)
);
CREATE INDEX ifk_album_artist_id ON album (artist_id);
CREATE INDEX ifk_track_album_id ON track (album_id);
CREATE INDEX ifk_track_genre_id ON track (genre_id);
CREATE UNIQUE INDEX ux_customer_email ON customer (email);
CREATE INDEX ifk_invoice_customer_id ON invoice (customer_id, invoice_date DESC);
CREATE INDEX ifk_playlist_track_track_id ON playlist_track (track_id);
CREATE VIEW sales_by_genre AS
SELECT g.name AS genre, count(*) AS lines, sum(l.unit_price * l.quantity) AS turnover
FROM invoice_line AS l
JOIN track AS t ON t.track_id = l.track_id
LEFT JOIN genre AS g ON g.genre_id = t.genre_id
GROUP BY g.genre_id;
CREATE VIEW album_length AS
SELECT a.album_id, a.title, ar.name AS artist, total(t.milliseconds) / 1000 AS seconds
FROM album a JOIN artist ar USING (artist_id) LEFT JOIN track t USING (album_id)
GROUP BY a.album_id;
