"""Serve one engine: ``python -m benchmarks.harness.engines '{"engine": ..., ...}'``.

There is no ``if __name__ == "__main__"`` here, on purpose: an engine with a pool of processes has
to live in a script that was written without one.
"""

import sys

from ..server import serve

serve(sys.argv[1])
