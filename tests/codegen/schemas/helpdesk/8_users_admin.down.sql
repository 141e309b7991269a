ALTER TABLE users DROP admin;
