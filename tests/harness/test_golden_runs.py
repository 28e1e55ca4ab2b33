"""Runs stored by earlier versions keep loading: one for each format version, kept for ever."""

from pathlib import Path

import pytest

from harness import cli, store
from harness.summary import summarise

RUNS = sorted((Path(__file__).parent / "runs").iterdir())


def test_every_format_version_has_its_run():
    assert [path.name for path in RUNS] == [f"v{number}" for number in range(1, store.FORMAT_VERSION + 1)]


@pytest.mark.parametrize("path", RUNS, ids=lambda path: path.name)
def test_a_stored_run_loads_and_its_summary_follows_from_its_records(path):
    run = store.load(path)
    assert run.complete
    fresh = summarise(run.records, tuple(run.summary["metrics"]))
    for key in ("slices", "status", "n"):
        assert run.summary[key] == fresh[key]
    for metric, stored in run.summary["metrics"].items():
        # Later versions say more of a metric; what an earlier one said stays true.
        assert stored.items() <= fresh["metrics"][metric].items()


@pytest.mark.parametrize("path", RUNS, ids=lambda path: path.name)
@pytest.mark.parametrize("command", [("show",), ("show", "--json"), ("report", "--out", "page.html")])
def test_every_command_reads_a_stored_run(path, command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as leaving:
        cli.main([command[0], str(path), *command[1:]])
    assert leaving.value.code == 0
