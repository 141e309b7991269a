/* A shop that lends films: triggers that stamp each row, views for the desk, a circle between shop and staff. */
CREATE TABLE language (
    language_id SMALLINT NOT NULL PRIMARY KEY,
    name CHAR(20) NOT NULL,
    last_update TIMESTAMP NOT NULL
);
CREATE TRIGGER language_insert AFTER INSERT ON language BEGIN
    UPDATE language SET last_update = DATETIME('NOW') WHERE rowid = new.rowid;
END;
CREATE TRIGGER language_update AFTER UPDATE ON language WHEN old.last_update IS new.last_update BEGIN
    UPDATE language SET last_update = DATETIME('NOW') WHERE rowid = new.rowid;
END;
CREATE TABLE film (
    film_id INT NOT NULL,
    title VARCHAR(255) NOT NULL,
    description BLOB SUB_TYPE TEXT DEFAULT NULL,
    release_year VARCHAR(4) DEFAULT NULL,
    language_id SMALLINT NOT NULL,
    original_language_id SMALLINT DEFAULT NULL,
    rental_duration SMALLINT DEFAULT 3 NOT NULL,
    rental_rate DECIMAL(4,2) DEFAULT 4.99 NOT NULL,
    length SMALLINT DEFAULT NULL,
    replacement_cost DECIMAL(5,2) DEFAULT 19.99 NOT NULL,
    rating VARCHAR(10) DEFAULT 'G',
    special_features VARCHAR(100) DEFAULT NULL,
    last_update TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    PRIMARY KEY (film_id),
    CONSTRAINT check_special_features CHECK (
        special_features IS NULL OR special_features LIKE '%Trailers%' OR special_features LIKE '%Commentaries%'
    ),
    CONSTRAINT check_rating CHECK (rating IN ('G', 'PG', 'PG-13', 'R', 'NC-17')),
    CONSTRAINT fk_film_language FOREIGN KEY (language_id) REFERENCES language (language_id) ON DELETE NO ACTION ON UPDATE CASCADE,
    CONSTRAINT fk_film_original FOREIGN KEY (original_language_id) REFERENCES language (language_id)
);
CREATE INDEX idx_fk_language_id ON film (language_id);
CREATE INDEX idx_title ON film (title);
CREATE TABLE store (
    store_id INTEGER NOT NULL PRIMARY KEY,
    manager_staff_id SMALLINT NOT NULL,
    opened DATE NOT NULL DEFAULT CURRENT_DATE,
    FOREIGN KEY (manager_staff_id) REFERENCES staff (staff_id) DEFERRABLE INITIALLY DEFERRED
);
CREATE TABLE staff (
    staff_id INTEGER NOT NULL PRIMARY KEY,
    first_name VARCHAR(45) NOT NULL,
    picture BLOB DEFAULT NULL,
    store_id INT NOT NULL,
    active SMALLINT DEFAULT 1 NOT NULL CHECK (active IN (0, 1)),
    username VARCHAR(16) NOT NULL,
    FOREIGN KEY (store_id) REFERENCES store (store_id) ON DELETE NO ACTION ON UPDATE CASCADE
);
CREATE TABLE customer (
    customer_id INTEGER PRIMARY KEY,
    store_id INT NOT NULL REFERENCES store (store_id),
    last_name VARCHAR(45) NOT NULL,
    active CHAR(1) DEFAULT 'Y' NOT NULL CHECK (active = 'Y' OR active = 'N'),
    create_date TIMESTAMP NOT NULL
);
CREATE INDEX idx_customer_last_name ON customer (last_name);
CREATE TABLE inventory (
    inventory_id INTEGER PRIMARY KEY,
    film_id INT NOT NULL REFERENCES film (film_id),
    store_id INT NOT NULL REFERENCES store (store_id)
);
CREATE INDEX idx_film_id_store ON inventory (store_id, film_id);
CREATE TABLE rental (
    rental_id INTEGER PRIMARY KEY,
    rental_date TIMESTAMP NOT NULL,
    inventory_id INT NOT NULL REFERENCES inventory (inventory_id),
    customer_id INT NOT NULL REFERENCES customer (customer_id),
    return_date TIMESTAMP DEFAULT NULL,
    days_out INTEGER,
    UNIQUE (rental_date, inventory_id, customer_id),
    CHECK (return_date IS NULL OR return_date >= rental_date)
);
CREATE TRIGGER rental_days AFTER UPDATE OF return_date ON rental WHEN new.return_date IS NOT NULL BEGIN
    UPDATE rental SET days_out = CAST(julianday(new.return_date) - julianday(new.rental_date) AS INTEGER)
    WHERE rental_id = new.rental_id;
END;
CREATE TABLE payment (
    payment_id INTEGER PRIMARY KEY,
    rental_id INT REFERENCES rental (rental_id) ON DELETE SET NULL,
    amount DECIMAL(5,2) NOT NULL,
    payment_date TIMESTAMP NOT NULL
);
CREATE TRIGGER payment_positive BEFORE INSERT ON payment WHEN new.amount < 0 BEGIN
    SELECT RAISE(ABORT, 'a payment is not negative');
END;
CREATE VIEW customer_list AS
SELECT c.customer_id AS ID, c.last_name || ', ' || c.active AS name, CASE WHEN c.active = 'Y' THEN 'active' ELSE '' END AS notes,
    c.store_id AS SID
FROM customer AS c;
CREATE VIEW film_list AS
SELECT film.film_id AS FID, film.title AS title, language.name AS language, film.rental_rate AS price, film.length
FROM film INNER JOIN language ON film.language_id = language.language_id;
CREATE VIEW sales_by_store AS
SELECT s.store_id, st.first_name AS manager, sum(p.amount) AS total_sales
FROM payment p
INNER JOIN rental r ON p.rental_id = r.rental_id
INNER JOIN inventory i ON r.inventory_id = i.inventory_id
INNER JOIN store s ON i.store_id = s.store_id
LEFT JOIN staff st ON s.manager_staff_id = st.staff_id
GROUP BY s.store_id;
