"""TPC-H in SQL, as the standard gives it; each table is ``read_parquet`` of its files."""
