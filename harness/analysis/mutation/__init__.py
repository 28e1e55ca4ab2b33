"""Refuting equivalence: a search for a small database that tells two queries apart."""

from harness.analysis.mutation.search import Witness, refute

__all__ = ["Witness", "refute"]
