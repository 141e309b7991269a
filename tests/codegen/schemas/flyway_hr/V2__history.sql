ALTER TABLE employees RENAME TO staff;
CREATE TABLE history (staff_id INTEGER NOT NULL REFERENCES staff (id), since DATE NOT NULL, salary NUMERIC, PRIMARY KEY (staff_id, since));
