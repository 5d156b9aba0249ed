"""The steps of a stage, one operator per file: a generator of batches over a generator of batches.

They are frozen dataclasses, pickled once per stage and worker. None yields an empty batch.
"""
