"""Hostile statements out of the seeded grammar in scripts/fuzz, which `tox -e fuzz` runs by the thousands."""

import importlib
import json
import sqlite3
from pathlib import Path

import pytest

from harness.config import EvalConfig, build
from harness.run import Place, evaluate_config
from harness.types import Execution, Status

SCRIPTS = Path(__file__).parents[3] / "scripts" / "fuzz"
BATCH = 100
TRIES = 3
RESULT_METRICS = {"execution_accuracy", "execution_accuracy_strict", "execution_accuracy_lenient", "soft_f1"}


@pytest.fixture
def fuzzing(monkeypatch):
    if not Path("/proc/self/stat").exists():
        pytest.skip("/proc does not tell what processes use here")
    monkeypatch.syspath_prepend(SCRIPTS)
    importlib.import_module("fuzzing.arena")
    return importlib.import_module("fuzzing")


def settle(arena, attack):
    """Let an attack that came out late try again alone: the machine may have been busy."""
    for _ in range(TRIES):
        outcome = arena.face(attack)
        if outcome.faults or not outcome.delays:
            break
    return outcome


@pytest.mark.parametrize("first", range(0, 500, BATCH))
def test_no_attack_scores_writes_grows_overshoots_or_lingers(fuzzing, tmp_path, first):
    with fuzzing.arena.Arena(tmp_path) as arena:
        for seed in range(first, first + BATCH):
            outcome = settle(arena, fuzzing.attacks.write_attack(seed))
            assert (outcome.faults, outcome.delays) == ((), ()), f"seed {seed}"
        assert arena.changes() == []


def test_a_seed_means_one_statement_and_all_kinds_come(fuzzing):
    write_attack = fuzzing.attacks.write_attack
    attacks = [write_attack(seed) for seed in range(500)]
    assert attacks == [write_attack(seed) for seed in range(500)]
    assert {attack.kind for attack in attacks} == set(fuzzing.attacks.KINDS)
    assert len({attack.sql for attack in attacks}) > 450


def test_a_run_of_nothing_but_attacks_ends_and_gives_no_point(fuzzing, tmp_path):
    data, seeds = tmp_path / "data", range(1_000, 1_120)
    database = data / "dev_databases" / "company" / "company.sqlite"
    database.parent.mkdir(parents=True)
    fuzzing.arena.make_database(database)
    gold = "SELECT name, salary FROM emp WHERE id BETWEEN 10 AND 19"
    questions = [{"question_id": seed, "db_id": "company", "question": "?", "SQL": gold} for seed in seeds]
    answers = [{"question_id": seed, "SQL": fuzzing.attacks.write_attack(seed).sql} for seed in seeds]
    (data / "dev.json").write_text(json.dumps(questions))
    (tmp_path / "answers.json").write_text(json.dumps(answers))
    tree = {
        "data": {"path": str(data)},
        "generator": {"name": "replay", "path": str(tmp_path / "answers.json")},
        "execution": {"timeout_s": 0.2, "memory_mib": 64, "max_rows": 100_000},
    }
    run = evaluate_config(build(EvalConfig, tree, "test"), Place(folder=tmp_path / "run"))
    points = {name: metric["value"] for name, metric in run.summary["metrics"].items() if name in RESULT_METRICS}
    assert points == dict.fromkeys(RESULT_METRICS & points.keys(), 0.0)
    assert "execution_accuracy" in points
    assert run.summary["n"] == sum(run.summary["status"].values()) == len(seeds)


class Careless:
    """What an evaluator without any protection does: one connection that may write, and no limits."""

    def __init__(self, path):
        self.connection = sqlite3.connect(path, isolation_level=None)
        self.connection.text_factory = lambda text: text.decode(errors="replace")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def execute(self, _db_id, sql):
        try:
            return Execution(Status.OK, rows=tuple(self.connection.execute(sql).fetchall()))
        except sqlite3.Error as error:
            return Execution(Status.ERROR, error=str(error))


@pytest.mark.parametrize(
    ("sql", "fault"),
    [
        ("DELETE FROM emp", "the gold now gives"),
        ("CREATE TEMP TABLE emp AS SELECT 1 AS id, 'x' AS name, 2 AS salary, 3 AS note", "the gold now gives"),
        ("PRAGMA case_sensitive_like = 1", "the gold now gives"),
        ("ATTACH 'new.sqlite' AS other", "new.sqlite appeared"),
        ("VACUUM INTO 'copy.sqlite'", "copy.sqlite appeared"),
        (
            "SELECT id, upper(name), salary, salary || ' ' || CAST(note AS TEXT) FROM emp WHERE id BETWEEN 10 AND 19",
            "scored",
        ),
    ],
)
def test_the_arena_sees_the_damage_that_a_careless_evaluator_lets_happen(fuzzing, tmp_path, sql, fault):
    with fuzzing.arena.Arena(tmp_path, Careless) as arena:
        outcome = arena.face(fuzzing.attacks.Attack(0, "by hand", sql))
    assert any(fault in one for one in outcome.faults)


def test_the_arena_sees_a_changed_file_and_a_late_verdict(fuzzing, tmp_path):
    slow = "WITH RECURSIVE t(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM t LIMIT 30000000) SELECT count(*) FROM t"
    with fuzzing.arena.Arena(tmp_path, Careless) as arena:
        assert (
            arena.face(fuzzing.attacks.Attack(0, "by hand", "UPDATE emp SET name = name || 'x' WHERE id = 250")).faults
            == ()
        )
        (change,) = arena.changes()
        assert change.endswith("company.sqlite: changed")
        assert "past the limit" in arena.face(fuzzing.attacks.Attack(0, "by hand", slow)).delays[0]
