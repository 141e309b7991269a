CREATE INDEX reading_sensor ON reading (sensor_id, at);
