-- Pieces of files live for a day: to compress each would cost more time than to write the file.
ALTER TABLE export_pieces ALTER COLUMN data SET STORAGE EXTERNAL;
