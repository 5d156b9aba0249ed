"""Run the benchmark's command line; workers import this module, so it asks who they are."""

import sys

from .command import main

if __name__ == "__main__":
    sys.exit(main())
