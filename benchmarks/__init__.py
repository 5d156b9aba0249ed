"""Benchmarks of Partita against its peers: every engine's answer is checked, every time is kept."""
