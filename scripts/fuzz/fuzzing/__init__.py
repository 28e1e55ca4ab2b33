"""Hostile statements out of a seeded grammar, and the arena in which each of them is let loose on an executor."""

__all__: list[str] = []
