"""Which SQLite this is: a number holds for one version of the library."""

import sqlite3

__all__ = ["SQLITE_VERSION"]

SQLITE_VERSION = sqlite3.sqlite_version
"""The version of the library that runs the SQL, e.g. `3.40.1`."""
