CREATE TRIGGER reading_range BEFORE INSERT ON reading WHEN new.value > 1e6 BEGIN SELECT RAISE(ABORT, 'out of range'); END;
