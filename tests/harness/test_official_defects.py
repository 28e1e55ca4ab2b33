"""What the official evaluators get wrong: a test for each known case, on whole runs, as `t2s score` makes them."""

import contextlib
import hashlib
import json
import os
import signal
import sqlite3
import threading
import time
from pathlib import Path

import pytest

from harness import cli, store
from harness.config import EvalConfig, build
from harness.run import Place, evaluate_config

GOLD = "SELECT name FROM emp WHERE id = 1"
COUNT = "SELECT count(*) FROM emp"
ENDLESS = "WITH RECURSIVE t(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM t) SELECT count(*) FROM t"
EASY = [("SELECT max(id) FROM emp", "SELECT 299"), (COUNT, "SELECT count(id) FROM emp")]
"""Pairs of gold and prediction that are right; an attack before them must not change that."""

TIMEOUT_S = 0.5


@pytest.fixture
def folder(tmp_path):
    """A data folder with one database, which must be there unchanged in the end, and alone."""
    path = tmp_path / "data" / "dev_databases" / "company" / "company.sqlite"
    path.parent.mkdir(parents=True)
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE emp (id INTEGER PRIMARY KEY, name TEXT, salary REAL)")
    rows = [(number, f"name {number}", number * 10.5) for number in range(300)]
    connection.executemany("INSERT INTO emp VALUES (?, ?, ?)", rows)
    connection.execute("CREATE TABLE latin (word TEXT)")
    connection.execute("INSERT INTO latin VALUES (CAST(x'636166e9' AS TEXT)), (CAST(x'636166e8' AS TEXT))")
    connection.commit()
    connection.close()
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    yield tmp_path / "data"
    assert [one.name for one in path.parent.iterdir()] == ["company.sqlite"]
    assert hashlib.sha256(path.read_bytes()).hexdigest() == before


def write_questions(folder, golds, difficulties=()):
    items = [
        {"question_id": number, "db_id": "company", "question": "?", "SQL": gold, "difficulty": "simple"}
        for number, gold in enumerate(golds)
    ]
    for item, difficulty in zip(items, difficulties, strict=False):
        item["difficulty"] = difficulty
    (folder / "dev.json").write_text(json.dumps(items))
    return items


def write_answers(path, answers):
    path.write_text(json.dumps([{"question_id": key, "SQL": sql} for key, sql in answers.items()]))
    return path


def score(folder, pairs, *metrics, **execution):
    """Score pairs of gold and prediction with one worker, so that an attack has its neighbours' connection."""
    write_questions(folder, [gold for gold, _ in pairs])
    answers = write_answers(folder.parent / "answers.json", {n: sql for n, (_, sql) in enumerate(pairs)})
    tree = {
        "data": {"path": str(folder)},
        "generator": {"name": "replay", "path": str(answers)},
        "metrics": {"names": list(metrics or ["execution_accuracy"])},
        "execution": {"timeout_s": TIMEOUT_S, "workers": 1, "memory_mib": 128, **execution},
    }
    run = evaluate_config(build(EvalConfig, tree, "test"), Place(folder=folder.parent / "run"))
    return sorted(run.records, key=lambda record: record.question_id)


def values(records, metric="execution_accuracy"):
    return [record.scores[metric].value for record in records]


@pytest.mark.parametrize(
    ("gold", "attack"),
    [
        pytest.param("SELECT name FROM emp WHERE id < 0", "DELETE FROM emp", id="DELETE on one connection"),
        pytest.param(COUNT, "DELETE FROM emp RETURNING 0", id="DELETE RETURNING 0"),
        pytest.param(COUNT, "CREATE TEMP TABLE emp AS SELECT 1 AS id", id="TEMP TABLE that shadows the gold's"),
        pytest.param(COUNT, "WITH q AS (SELECT 1) DELETE FROM emp", id="WITH ... DELETE"),
        pytest.param(GOLD, "DROP TABLE emp", id="DROP TABLE"),
        pytest.param(GOLD, "ATTACH 'new.sqlite' AS other", id="ATTACH"),
        pytest.param(GOLD, "VACUUM INTO 'new.sqlite'", id="VACUUM INTO"),
        pytest.param(GOLD, "PRAGMA writable_schema = 1", id="PRAGMA writable_schema"),
        pytest.param(GOLD, "SELECT load_extension('new.so')", id="load_extension"),
        pytest.param("SELECT 1 WHERE 0", "SELECT 1 WHERE 0; DELETE FROM emp", id="a second statement"),
    ],
)
def test_a_statement_that_is_no_query_is_forbidden_and_leaves_no_trace(folder, monkeypatch, gold, attack):
    here = folder.parent / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    records = score(folder, [(gold, attack), *EASY])
    assert [record.status for record in records] == ["forbidden", "ok", "ok"]
    assert values(records) == [0.0, 1.0, 1.0]
    assert list(here.iterdir()) == []


def test_one_drop_table_among_sixty_perfect_answers_costs_one(folder):
    pairs = [(f"SELECT name FROM emp WHERE id = {n}", f"SELECT name FROM emp WHERE {n} = id") for n in range(60)]
    pairs[7] = (pairs[7][0], "DROP TABLE emp")
    assert sum(values(score(folder, pairs))) == 59


@pytest.mark.parametrize(
    "attack",
    [
        pytest.param(ENDLESS, id="endless recursive CTE"),
        pytest.param("SELECT sum(a.id * b.id * c.id) FROM emp a, emp b, emp c, emp d", id="triple cross join"),
    ],
)
def test_an_endless_query_is_stopped_and_nothing_goes_on_burning(folder, attack):
    before = children()
    records = score(folder, [(GOLD, attack), *EASY])
    assert [record.status for record in records] == ["timeout", "ok", "ok"]
    assert values(records) == [0.0, 1.0, 1.0]
    assert children() == before


@pytest.mark.parametrize(
    "attack",
    [
        pytest.param("SELECT printf('%.*c', 2000000000, 'x')", id="printf of two billion characters"),
        pytest.param("SELECT hex(zeroblob(400000000))", id="hex(zeroblob(400000000))"),
    ],
)
def test_a_value_that_fills_the_memory_is_a_resource_verdict_in_time(folder, attack):
    *records, late = score(folder, [(GOLD, "SELECT 1"), *EASY, (GOLD, attack)])
    assert values(records) == [0.0, 1.0, 1.0]
    assert (late.status, values([late])) == ("resource", [0.0])
    assert late.elapsed_s < TIMEOUT_S + 0.5


def test_a_result_of_millions_of_rows_is_a_resource_verdict_and_never_held(folder):
    peak_mib()
    before = peak_mib()
    attack = "SELECT a.id, b.id, c.name FROM emp a, emp b, emp c"  # 27 million
    records = score(folder, [(GOLD, attack), *EASY], timeout_s=30.0, max_rows=200_000)
    assert [record.status for record in records] == ["resource", "ok", "ok"]
    assert peak_mib() - before < 200


def test_a_worker_killed_by_somebody_else_is_one_resource_verdict(folder):
    before = children()

    def kill_once():
        while not (new := [child for child in children() - before if cpu_s(child) > 0.5]):
            time.sleep(0.01)
        os.kill(new[0], signal.SIGKILL)

    killer = threading.Thread(target=kill_once, daemon=True)
    killer.start()
    records = score(folder, [(GOLD, ENDLESS), *EASY], timeout_s=60.0)
    killer.join(10)
    assert [record.status for record in records] == ["resource", "ok", "ok"]
    assert "signal 9" in records[0].error
    assert values(records) == [0.0, 1.0, 1.0]


def t2s(*words):
    """Run in this process; return the exit code."""
    with pytest.raises(SystemExit) as leaving:
        cli.main([str(word) for word in words])
    return int(leaving.value.code or 0)


def test_a_missing_last_question_stays_in_n_and_costs_its_point(folder, capsys):
    items = write_questions(folder, [f"SELECT {number}" for number in range(30)])
    answers = write_answers(folder.parent / "answers.json", {one["question_id"]: one["SQL"] for one in items[:29]})
    run = folder.parent / "run"
    command = ("score", "--data", folder, "--predictions", answers, "--metrics", "execution_accuracy", "--out", run)
    assert t2s(*command) == 2
    assert "--allow-missing" in capsys.readouterr().err
    assert not run.exists()
    assert t2s(*command, "--allow-missing") == 0
    metric = store.load(run).summary["metrics"]["execution_accuracy"]
    assert (metric["n"], metric["value"]) == (30, pytest.approx(29 / 30))


def test_a_predictions_file_sorted_by_key_as_text_is_paired_by_key(folder):
    write_questions(folder, [f"SELECT {number} + id FROM emp" for number in range(30)])
    mark = "\t----- bird -----\tcompany"
    official = {str(number): f"SELECT id + {number} FROM emp{mark}" for number in range(30)}
    answers = folder.parent / "answers.json"
    answers.write_text(json.dumps(dict(sorted(official.items()))))
    assert list(json.loads(answers.read_text()))[:4] == ["0", "1", "10", "11"]
    run = folder.parent / "run"
    command = ("score", "--data", folder, "--predictions", answers, "--metrics", "execution_accuracy", "--out", run)
    assert t2s(*command) == 0
    assert store.load(run).summary["metrics"]["execution_accuracy"]["value"] == 1.0


def test_an_empty_difficulty_group_is_no_crash(folder, capsys):
    items = write_questions(folder, [f"SELECT {number}" for number in range(4)], ["moderate", "moderate", "", None])
    answers = write_answers(folder.parent / "answers.json", {one["question_id"]: one["SQL"] for one in items})
    run = folder.parent / "run"
    command = ("score", "--data", folder, "--predictions", answers, "--metrics", "execution_accuracy", "--out", run)
    assert t2s(*command) == 0
    slices = store.load(run).summary["slices"]
    assert [name for name in slices if name.startswith("difficulty=")] == ["difficulty=moderate"]
    assert t2s("show", run) == 0
    assert "moderate" in capsys.readouterr().out


def test_tabs_and_blank_lines_in_a_gold_file_are_no_crash_and_shift_nothing(folder):
    items = write_questions(folder, [GOLD, COUNT, "SELECT 3"])
    for item in items:
        del item["SQL"]
    (folder / "dev.json").write_text(json.dumps(items))
    golds = ["SELECT name\tFROM emp\n\nWHERE id = 1", "SELECT\tcount(*)\nFROM emp", "SELECT 3"]
    (folder / "dev_gold.sql").write_text("".join(f"{gold}\tcompany\n" for gold in golds) + "\n\n")
    answers = write_answers(folder.parent / "answers.json", dict(enumerate([GOLD, COUNT, "SELECT 3"])))
    run = folder.parent / "run"
    command = ("score", "--data", folder, "--predictions", answers, "--metrics", "execution_accuracy", "--out", run)
    assert t2s(*command) == 0
    metric = store.load(run).summary["metrics"]["execution_accuracy"]
    assert (metric["n"], metric["value"]) == (3, 1.0)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(f"```sql\n{GOLD}\n```", id="fenced in Markdown"),
        pytest.param(f"```sql\n{GOLD}", id="fence left open"),
        pytest.param(f"{GOLD}\n```", id="closing fence alone"),
    ],
)
def test_an_answer_in_markdown_is_extracted_and_both_rates_are_shown(folder, answer):
    names = ("valid_sql_raw", "valid_sql", "execution_accuracy")
    (record,) = score(folder, [(GOLD, answer)], *names)
    assert [record.scores[name].value for name in names] == [0.0, 1.0, 1.0]
    assert record.extraction


def test_text_that_is_not_utf8_is_compared_as_bytes(folder):
    acute, grave = "x'636166e9'", "x'636166e8'"
    gold = f"SELECT word FROM latin WHERE word = CAST({acute} AS TEXT)"
    records = score(
        folder,
        [
            (gold, f"SELECT word FROM latin WHERE word <> CAST({grave} AS TEXT)"),
            (gold, f"SELECT word FROM latin WHERE word = CAST({grave} AS TEXT)"),
        ],
    )
    assert [record.status for record in records] == ["ok", "ok"]
    assert values(records) == [1.0, 0.0]


def children():
    if not Path(f"/proc/self/task/{os.getpid()}/children").exists():
        pytest.skip("/proc does not list children here")
    found = set()
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # a thread that ends meanwhile
            found.update(map(int, (task / "children").read_text().split()))
    return found


def cpu_s(process):
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_mib():
    """Return the most memory that this process held since it was last asked."""
    status = Path("/proc/self/status").read_text().splitlines()
    Path("/proc/self/clear_refs").write_text("5")  # begin anew: proc(5)
    return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM:"))
