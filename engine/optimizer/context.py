"""What a rule may know besides the plan."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..config import Settings
from ..config import get as current_settings


@dataclass(frozen=True, kw_only=True)
class Context:
    """Given to every rule; it never changes during one optimization."""

    settings: Settings = field(default_factory=current_settings)

    verify: bool = False
    """Whether the whole plan is verified after every rule; for tests, as it takes time."""
