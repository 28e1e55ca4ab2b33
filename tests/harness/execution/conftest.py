import contextlib
import hashlib
import os
import sqlite3
from pathlib import Path

import pytest

from harness.execution import Executor, Limits


@pytest.fixture
def company(tmp_path):
    """A small database in a folder of its own, and a check that the folder stays as it is."""
    folder = tmp_path / "databases"
    folder.mkdir()
    path = folder / "company.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript(
        """
        CREATE TABLE emp (id INTEGER PRIMARY KEY, name TEXT, salary REAL, note BLOB);
        CREATE VIEW well_paid AS SELECT name FROM emp WHERE salary > 2000;
        CREATE VIRTUAL TABLE search USING fts5(body);
        INSERT INTO search VALUES ('the quick brown fox');
        """
    )
    rows = [(number, f"name {number}", number * 10.5, b"\xff") for number in range(300)]
    connection.executemany("INSERT INTO emp VALUES (?, ?, ?, ?)", rows)
    connection.commit()
    connection.close()
    before = _look(folder)
    yield path
    assert _look(folder) == before


def _look(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


@pytest.fixture
def executor(company):
    limits = Limits(timeout_s=1.0, memory_mib=256, max_rows=100_000)
    with Executor({"company": company}, limits=limits, workers=1) as made:
        yield made


@pytest.fixture
def children():
    """Return the ids of this process's children; skips where /proc does not tell."""
    path = Path(f"/proc/self/task/{os.getpid()}/children")
    if not path.exists():
        pytest.skip("/proc does not list children here")

    def list_children() -> set[int]:
        found = set()
        for task in Path("/proc/self/task").iterdir():  # a child belongs to the thread that started it
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # which may end meanwhile
                found.update(map(int, (task / "children").read_text().split()))
        return found

    return list_children
