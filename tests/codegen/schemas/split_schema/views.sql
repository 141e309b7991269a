CREATE VIEW latest AS SELECT label, max(at) AS at, value FROM sensor LEFT JOIN reading ON sensor_id = id GROUP BY id;
