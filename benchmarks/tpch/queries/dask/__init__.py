"""TPC-H as a Dask user writes it: filters first, then merges, one group-by, one small sort."""
