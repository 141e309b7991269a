INSERT INTO settings VALUES ('theme', 'dark; or light'), ('locale', 'en');
