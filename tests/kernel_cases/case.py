"""What a case is: the types that the modules of cases share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

Arguments = list[Any]
"""Of one call."""

Cases = Callable[[np.random.Generator], Iterator[Arguments]]
