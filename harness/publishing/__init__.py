"""A run made fit to be committed: ids, our SQL and its scores, and nothing that belongs to the data set."""

from harness.publishing.answers import PUBLISHED, fingerprint_gold
from harness.publishing.folder import Publication, publish
from harness.publishing.restoring import Answers, find_changes, restore

__all__ = ["PUBLISHED", "Answers", "Publication", "find_changes", "fingerprint_gold", "publish", "restore"]
