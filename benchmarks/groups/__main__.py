"""Run the benchmark's command line."""

import sys

from ..harness.command import main
from .suite import SUITE

sys.exit(main(SUITE))
