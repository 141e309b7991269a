CREATE TABLE departments (code TEXT PRIMARY KEY NOT NULL, name TEXT);
ALTER TABLE employees ADD COLUMN department TEXT REFERENCES departments (code);
