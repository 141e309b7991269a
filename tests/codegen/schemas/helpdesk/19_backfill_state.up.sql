UPDATE tickets SET state = 'open' WHERE state = 'new' AND description <> 'DROP TABLE tickets;';
