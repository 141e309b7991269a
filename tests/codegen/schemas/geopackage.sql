-- A package of maps after the OGC's rules: gpkg_ tables, an rtree kept by triggers, geometry words as declared types.
CREATE TABLE gpkg_spatial_ref_sys (srs_name TEXT NOT NULL, srs_id INTEGER NOT NULL PRIMARY KEY, organization TEXT NOT NULL,
    organization_coordsys_id INTEGER NOT NULL, definition TEXT NOT NULL, description TEXT);
CREATE TABLE gpkg_contents (
    table_name TEXT NOT NULL PRIMARY KEY,
    data_type TEXT NOT NULL,
    identifier TEXT UNIQUE,
    description TEXT DEFAULT '',
    last_change DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')),
    min_x DOUBLE, min_y DOUBLE, max_x DOUBLE, max_y DOUBLE,
    srs_id INTEGER,
    CONSTRAINT fk_gc_r_srs_id FOREIGN KEY (srs_id) REFERENCES gpkg_spatial_ref_sys (srs_id)
);
CREATE TABLE gpkg_geometry_columns (
    table_name TEXT NOT NULL, column_name TEXT NOT NULL, geometry_type_name TEXT NOT NULL, srs_id INTEGER NOT NULL,
    z TINYINT NOT NULL, m TINYINT NOT NULL,
    CONSTRAINT pk_geom_cols PRIMARY KEY (table_name, column_name),
    CONSTRAINT uk_gc_table_name UNIQUE (table_name),
    CONSTRAINT fk_gc_tn FOREIGN KEY (table_name) REFERENCES gpkg_contents (table_name),
    CONSTRAINT fk_gc_srs FOREIGN KEY (srs_id) REFERENCES gpkg_spatial_ref_sys (srs_id)
);
CREATE TABLE gpkg_tile_matrix (
    table_name TEXT NOT NULL, zoom_level INTEGER NOT NULL, matrix_width INTEGER NOT NULL, pixel_x_size DOUBLE NOT NULL,
    CONSTRAINT pk_ttm PRIMARY KEY (table_name, zoom_level),
    CONSTRAINT fk_tmm_table_name FOREIGN KEY (table_name) REFERENCES gpkg_contents (table_name)
);
CREATE TRIGGER gpkg_tile_matrix_zoom_level_insert BEFORE INSERT ON gpkg_tile_matrix FOR EACH ROW BEGIN
    SELECT RAISE(ABORT, 'insert on table ''gpkg_tile_matrix'' violates constraint: zoom_level cannot be less than 0')
    WHERE (NEW.zoom_level < 0);
    SELECT RAISE(ABORT, 'insert on table ''gpkg_tile_matrix'' violates constraint: pixel_x_size must be greater than 0')
    WHERE NOT (NEW.pixel_x_size > 0);
END;
CREATE TABLE gpkg_extensions (table_name TEXT, column_name TEXT, extension_name TEXT NOT NULL, definition TEXT NOT NULL,
    scope TEXT NOT NULL, CONSTRAINT ge_tce UNIQUE (table_name, column_name, extension_name));
CREATE TABLE gpkg_ogr_contents (table_name TEXT NOT NULL PRIMARY KEY, feature_count INTEGER DEFAULT NULL);
CREATE TABLE parcels (
    "fid" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "geom" MULTIPOLYGON,
    "area_m2" REAL,
    "floors" TINYINT,
    "residents" MEDIUMINT,
    "built" DATE,
    "surveyed" DATETIME,
    "owner" TEXT(60),
    "taxed" BOOLEAN,
    "share" FLOAT
);
CREATE TABLE "points of interest" (fid INTEGER PRIMARY KEY, shape POINT NOT NULL, kind TEXT NOT NULL);
CREATE TABLE tiles (id INTEGER PRIMARY KEY AUTOINCREMENT, zoom_level INTEGER NOT NULL DEFAULT 0, tile_column INTEGER NOT NULL DEFAULT 0,
    tile_row INTEGER NOT NULL DEFAULT 0, tile_data BLOB NOT NULL DEFAULT (zeroblob(4)), UNIQUE (zoom_level, tile_column, tile_row));
CREATE VIRTUAL TABLE "rtree_parcels_geom" USING rtree(id, minx, maxx, miny, maxy);
CREATE VIRTUAL TABLE boxes USING rtree_i32(id, x0, x1, +label TEXT, +weight);
CREATE TRIGGER "trigger_insert_feature_count_parcels" AFTER INSERT ON "parcels" BEGIN
    UPDATE gpkg_ogr_contents SET feature_count = feature_count + 1 WHERE lower(table_name) = lower('parcels');
END;
CREATE TRIGGER rtree_parcels_geom_insert AFTER INSERT ON parcels
WHEN (new.geom NOT NULL AND NOT ST_IsEmpty(NEW.geom)) BEGIN
    INSERT OR REPLACE INTO rtree_parcels_geom VALUES (NEW.fid, ST_MinX(NEW.geom), ST_MaxX(NEW.geom), ST_MinY(NEW.geom), ST_MaxY(NEW.geom));
END;
CREATE VIEW st_spatial_ref_sys AS SELECT srs_name, srs_id, organization, definition FROM gpkg_spatial_ref_sys;
CREATE VIEW st_geometry_columns AS
SELECT g.table_name, g.column_name, g.geometry_type_name, s.srs_name FROM gpkg_geometry_columns AS g JOIN gpkg_spatial_ref_sys AS s
WHERE g.srs_id = s.srs_id;
