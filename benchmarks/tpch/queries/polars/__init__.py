"""TPC-H as a Polars user writes it, lazily."""
