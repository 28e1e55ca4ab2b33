"""Samples of the campaigns in `scripts/equivalence`: mutants are refuted, nothing that is proved is told apart."""

import os
import sqlite3
import sys
from collections import Counter
from importlib import import_module
from itertools import islice
from pathlib import Path

import pytest

from harness.analysis.mutation import refute

SCRIPTS = Path(__file__).parents[4] / "scripts" / "equivalence"
MUTANTS = 60
REWRITES = 300

pytestmark = pytest.mark.shared_data


@pytest.fixture
def data(monkeypatch):
    if not (folder := os.environ.get("T2S_SHARED_DATA")):
        pytest.skip("T2S_SHARED_DATA is not set")
    if not SCRIPTS.is_dir():
        pytest.skip("the tests run without the repository's scripts")
    monkeypatch.setattr(sys, "path", [str(SCRIPTS), *sys.path])
    return Path(folder)


@pytest.fixture
def sources(data):
    loaded = [import_module("sources").Golds.load(data, name) for name in ("bird", "spider")]
    yield loaded
    for golds in loaded:
        golds.executor.close()


def rows_alone(script, sql):
    connection = sqlite3.connect(":memory:")
    try:
        connection.executescript(script)
        return connection.execute(sql).fetchall()
    except sqlite3.Error as error:
        return str(error)
    finally:
        connection.close()


def test_most_mutants_that_real_data_misses_are_refuted_and_every_witness_holds(sources):
    outcomes = Counter()
    for golds, example, mutant in islice(import_module("mutants").draw(sources, seed=1), MUTANTS):
        witness = refute(golds.executor, example.db_id, mutant.sql, example.gold_sql, budget=100)
        outcomes[witness is not None] += 1
        if witness is not None:
            gold, predicted = (rows_alone(witness.script, sql) for sql in (example.gold_sql, mutant.sql))
            assert gold != predicted
            assert gold == list(witness.gold.rows)
    assert outcomes[True] >= 0.6 * MUTANTS


def test_no_gold_is_told_from_itself(sources):
    for golds in sources:
        for example in golds.dataset.examples[::50]:
            assert refute(golds.executor, example.db_id, example.gold_sql, example.gold_sql, budget=20) is None


def test_nothing_that_is_proved_is_told_apart(sources):
    soundness, outcomes = import_module("soundness"), Counter()
    for pair in soundness.rewritten(sources, REWRITES, seed=2):
        outcome, contradiction = soundness.check(pair, budget=10, seed=0)
        assert not contradiction, f"{pair[1].gold_sql}\n{pair[2]}\n{contradiction}"
        outcomes[outcome] += 1
    assert outcomes["proved"] >= 0.1 * REWRITES
