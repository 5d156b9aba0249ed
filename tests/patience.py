"""How long the tests wait for what has to come soon, on a machine that is busy."""

from __future__ import annotations

SOON = 20.0
"""Seconds after which what should have come at once is taken for something that never comes.

It ends a hang and measures nothing: what it is told from takes longer still, or for ever. The
seconds that users are promised are measured by the soak tests, on a machine that is quiet.
"""
