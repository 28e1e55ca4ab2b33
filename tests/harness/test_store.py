"""A run on disk."""

import contextlib
import errno
import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import store
from harness.errors import DataError, RunError
from harness.types import Execution, Record, ResultPreview, Score, Status

RECORD = Record(
    question_id=7,
    db_id="shop",
    difficulty="simple",
    question="Wie viele „Äpfel“?",
    evidence="",
    gold_sql="SELECT 1",
    completion="SELECT 1;",
    sql="SELECT 1",
    status="ok",
    error="",
    diagnosis=None,
    gold_result=ResultPreview(("1",), ((1,),), 1),
    predicted_result=None,
    scores={"valid_sql": Score("valid_sql", 1.0), "execution_accuracy": Score("execution_accuracy", 0.0, "why")},
    extraction=("fence",),
)


def write(run, *records):
    with contextlib.closing(store.RecordWriter(run)) as writer:
        for record in records:
            writer.append(record)


def test_records_come_back_as_they_were_written(tmp_path):
    write(tmp_path, RECORD, replace(RECORD, question_id="b"))
    assert store.read_records(tmp_path) == [RECORD, replace(RECORD, question_id="b")]


@given(st.text(), st.one_of(st.none(), st.integers(), st.floats(allow_nan=False), st.text()))
def test_any_text_and_any_cell_survive_the_disk(tmp_path_factory, text, cell):
    run = tmp_path_factory.mktemp("run")
    result = store.preview(Execution(Status.OK, ("a",), ((cell,),)))
    record = replace(RECORD, completion=text, predicted_result=result)
    write(run, record)
    assert store.read_records(run) == [record]


def test_a_lone_surrogate_survives_the_disk(tmp_path):
    record = replace(RECORD, completion="\ud800")
    write(tmp_path, record)
    assert store.read_records(tmp_path) == [record]


def test_a_store_cut_at_any_byte_resumes_with_its_whole_records(tmp_path):
    write(tmp_path, RECORD, replace(RECORD, question_id=8))
    content = (tmp_path / "records.jsonl").read_bytes()
    first = content.index(b"\n") + 1
    for cut in range(len(content) + 1):
        (tmp_path / "records.jsonl").write_bytes(content[:cut])
        kept = int(cut >= first) + int(cut == len(content))
        assert len(store.read_records(tmp_path)) == kept
        if cut % 50 == 0:
            write(tmp_path, replace(RECORD, question_id=9))
            assert [one.question_id for one in store.read_records(tmp_path)] == [*[7, 8][:kept], 9]


def test_a_damaged_line_is_named(tmp_path):
    write(tmp_path, RECORD)
    with (tmp_path / "records.jsonl").open("a") as file:
        file.write('{"question_id": 8}\n')
    with pytest.raises(DataError, match=r"records\.jsonl:2"):
        store.read_records(tmp_path)


def test_a_run_is_complete_once_its_summary_exists(tmp_path):
    store.create(tmp_path / "run", {"name": "run"})
    assert not store.load(tmp_path / "run").complete
    store.write_summary(tmp_path / "run", {"n": 0})
    assert store.load(tmp_path / "run").complete


def test_a_summary_survives_a_lone_surrogate(tmp_path):
    store.create(tmp_path / "run", {})
    store.write_summary(tmp_path / "run", {"diagnosis": {"\ud800": 1}})
    assert store.load(tmp_path / "run").summary == {"diagnosis": {"\ud800": 1}}


def test_a_folder_without_manifest_is_no_run(tmp_path):
    with pytest.raises(DataError, match="not a run"):
        store.load(tmp_path)


def test_a_run_of_a_later_format_is_refused(tmp_path):
    (tmp_path / "manifest.json").write_text(json.dumps({"format_version": 99}))
    with pytest.raises(DataError, match="update"):
        store.load(tmp_path)


def test_an_unwritable_place_is_a_run_error_that_says_what_to_do(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot be written"):
        store.create(tmp_path / "file" / "run", {})


def test_a_failed_first_write_leaves_no_file_behind(tmp_path):
    run = tmp_path / "run"
    with file_size_limit(10), pytest.raises(RunError, match=r"manifest\.json: cannot be written") as caught:
        store.create(run, {"name": "x" * 100})
    assert "--resume" not in str(caught.value)
    assert list(run.iterdir()) == []


HOLD = """
import sys
from pathlib import Path
from harness import store
writer = store.RecordWriter(Path(sys.argv[1]))
print("open", flush=True)
sys.stdin.read()
"""


def test_a_run_that_another_process_writes_is_refused_and_left_as_it_is(tmp_path):
    pytest.importorskip("fcntl")
    write(tmp_path, RECORD)
    path = tmp_path / "records.jsonl"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], env=environment, **pipes) as other:
        assert other.stdout.readline() == b"open\n"
        with path.open("ab") as file:
            file.write(b'{"half')  # what the other process is about to finish
        with pytest.raises(RunError, match="another process is writing this run; wait for it or stop it"):
            store.RecordWriter(tmp_path)
        assert path.read_bytes().endswith(b'{"half')
        other.kill()
    write(tmp_path, replace(RECORD, question_id=8))
    assert [one.question_id for one in store.read_records(tmp_path)] == [7, 8]


def test_a_file_system_without_locks_is_written_to_without(tmp_path, monkeypatch):
    fcntl = pytest.importorskip("fcntl")

    def refuse(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    write(tmp_path, RECORD)
    assert store.read_records(tmp_path) == [RECORD]


def test_a_full_disk_is_a_run_error_and_keeps_what_was_written(tmp_path):
    write(tmp_path, RECORD)
    size = (tmp_path / "records.jsonl").stat().st_size
    with file_size_limit(size + 10), pytest.raises(RunError, match="what was finished is kept"):
        write(tmp_path, replace(RECORD, question_id=8))
    assert store.read_records(tmp_path) == [RECORD]


@contextlib.contextmanager
def file_size_limit(size):
    """As a full disk does, the kernel refuses to make files larger."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_preview_shows_five_rows_counts_all_and_cuts_long_cells():
    rows = tuple((index, "x" * 1000, b"\xff", float("inf")) for index in range(9))
    shown = store.preview(Execution(Status.OK, ("a", "b", "c", "d"), rows))
    assert (len(shown.rows), shown.row_count) == (5, 9)
    assert shown.rows[0] == (0, "x" * 199 + "…", "X'FF'", "inf")


def test_a_failed_execution_has_no_preview():
    assert store.preview(Execution(Status.ERROR, error="no such column")) is None
