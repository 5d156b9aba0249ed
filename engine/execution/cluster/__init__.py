"""What lies on a Dask cluster: the rows, what runs on its workers, and how it is reached."""
