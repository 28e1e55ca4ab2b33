import json
import os
import sqlite3
from pathlib import Path

import pytest

from harness.execution import Executor

pytestmark = pytest.mark.shared_data


@pytest.fixture
def bird():
    folder = os.environ.get("T2S_SHARED_DATA")
    if not folder:
        pytest.skip("T2S_SHARED_DATA is not set")
    return Path(folder) / "bird"


def test_real_golds_give_what_a_plain_connection_gives(bird):
    questions = json.loads((bird / "mini_dev_sqlite.json").read_text())
    paths = {path.name: path / f"{path.name}.sqlite" for path in (bird / "dev_databases").iterdir()}
    plain = {name: sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True) for name, path in paths.items()}
    with Executor(paths, workers=1) as executor:
        for question in questions[::2]:
            name, sql = question["db_id"], question["SQL"]
            verdict = executor.execute(name, sql)
            assert list(verdict.rows) == plain[name].execute(sql).fetchall(), verdict
            assert executor.prepare(name, sql).ok
    for connection in plain.values():
        connection.close()
