import functools
import io
import signal
import subprocess
import sys

import pytest
from rich.console import Console
from rich.progress import Progress
from typer.testing import CliRunner

from harness.cli import main
from harness.errors import DataError, UsageError
from trainer import cli, job
from trainer.base import Step
from trainer.cli import _Clock, _print_line, plan_app, train_app
from trainer.interruption import Stopped


def test_a_training_ends_with_one_line_of_what_came_out(write_config, tmp_path):
    arguments = [str(write_config("", trainer="dry_run")), "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(train_app, arguments)
    assert result.exit_code == 0, result.output
    assert "out: 10 steps in " in result.output.replace("\n", "")
    again = CliRunner().invoke(train_app, [*arguments, "--resume"])
    assert "already finished" in again.output


def test_the_default_folder_is_named_after_the_file(write_config, tmp_path, monkeypatch):
    path = write_config("", trainer="dry_run")
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(train_app, [str(path)]).exit_code == 0
    assert (tmp_path / "adapters" / "tiny" / "training.json").is_file()


def test_overrides_reach_the_training(write_config, tmp_path):
    out = tmp_path / "out"
    arguments = [str(write_config("", trainer="dry_run")), "--out", str(out), "--set", "train.max_steps=3"]
    assert "3 steps" in CliRunner().invoke(train_app, arguments).output


def test_a_plan_needs_no_model_and_says_that_it_estimates(write_config, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    result = CliRunner().invoke(plan_app, [str(write_config("/nowhere/base"))])
    assert result.exit_code == 0, result.output
    assert "estimated from characters" in result.output
    assert "18 of 27" in result.output
    assert "unknown: the model's shape" in result.output


def test_a_plan_of_a_known_model_shows_memory_against_the_budget(write_config, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    path = write_config("/nowhere/base", model="").read_text().replace("tiny/model", "bigcode/starcoder2-3b")
    file = write_config("/nowhere/base")
    file.write_text(path)
    result = CliRunner().invoke(plan_app, [str(file), "--set", "packing.vram_budget_gib=6"])
    assert "of 6 GiB: does not fit" in result.output
    assert "peak memory, estimate" in result.output
    quantised = CliRunner().invoke(plan_app, [str(file), "--set", "model.quantization=nf4"])
    assert "of 6 GiB" in quantised.output
    assert "does not fit" not in quantised.output


@pytest.mark.torch
def test_a_quantised_preset_without_a_gpu_says_what_works_before_loading(write_config, tmp_path, monkeypatch):
    torch = pytest.importorskip("torch")
    pytest.importorskip("peft")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    arguments = [str(write_config("/nowhere")), "--out", str(tmp_path / "out"), "--set", "model.quantization=nf4"]
    result = CliRunner().invoke(train_app, arguments)
    assert isinstance(result.exception, UsageError)
    assert "--set model.quantization=none" in str(result.exception)
    assert "smollm2" in str(result.exception)
    assert not (tmp_path / "out").exists()


def test_importing_the_commands_does_not_import_torch():
    code = "import sys, trainer.cli; sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_training_stopped_by_a_signal_says_where_it_goes_on(
    number, code, write_config, tmp_path, monkeypatch, capsys
):
    def stop(config, folder, *, resume, on_step):
        raise Stopped(str(folder), number, 7, 10)

    monkeypatch.setattr(job, "train", stop)
    with pytest.raises(SystemExit) as left:
        main(["train", str(write_config("", trainer="dry_run")), "--out", str(tmp_path / "out")])
    assert left.value.code == code
    said = capsys.readouterr().err
    assert f"out: stopped by {number.name} at step 7 of 10, which is saved" in said
    assert "--resume goes on" in said


def test_a_training_says_which_step_it_delivers_and_what_its_data_shares(write_config, tmp_path):
    arguments = [str(write_config("", trainer="dry_run")), "--out", str(tmp_path / "out")]
    said = CliRunner().invoke(train_app, arguments).output.replace("\n", " ")
    assert "the adapter of step 10, the lowest validation loss of 2 evaluations" in said
    assert "leakage: compared with no evaluation set" in said


def test_a_shared_database_is_refused_by_train_and_by_plan_before_anything_is_written(
    write_config, questions, tmp_path
):
    (questions / "dev.json").write_text((questions / "train.json").read_text())
    (questions / "dev_tables.json").write_text((questions / "train_tables.json").read_text())
    path = str(write_config("/nowhere/base", trainer="dry_run"))
    for command, rest in ((train_app, ["--out", str(tmp_path / "out")]), (plan_app, [])):
        refused = CliRunner().invoke(command, [path, *rest])
        assert isinstance(refused.exception, DataError)
        assert "one (9 questions) is one of" in str(refused.exception)
    assert not (tmp_path / "out").exists()
    allowed = CliRunner().invoke(plan_app, [path, "--set", "data.leakage=allow"])
    assert "one = one, three = three, two = two" in allowed.output.replace("\n", " ")


def test_the_remaining_time_is_that_of_the_steps_that_were_watched(monkeypatch):
    now = [100.0]
    monkeypatch.setattr("trainer.cli.time.perf_counter", lambda: now[0])
    clock = _Clock()
    assert clock.remaining_s(Step(step=50, total_steps=90, epoch=1.0)) is None
    now[0] = 120.0
    assert clock.remaining_s(Step(step=60, total_steps=90, epoch=1.0)) == 60.0


def test_a_line_says_step_loss_speed_memory_and_remaining_time(capsys):
    step = Step(step=20, total_steps=90, epoch=1.0, loss=0.25, tokens_per_s=12345.6, vram_gib=3.5)
    _print_line("qwen", step, 3661.4)
    assert capsys.readouterr().err == ("qwen: step 20 of 90, loss 0.2500, 12,346 tokens/s, 3.50 GiB, 1:01:01 left\n")


def test_a_bar_shows_step_loss_speed_memory_and_remaining_time(monkeypatch):
    shown, now = io.StringIO(), [0.0]
    monkeypatch.setattr(cli, "Console", lambda file: Console(file=shown, force_terminal=True, width=200))
    monkeypatch.setattr(cli, "Progress", functools.partial(Progress, get_time=lambda: now[0], auto_refresh=False))
    with cli._progress("qwen") as show:
        # Steps of an earlier try, which took no time here, are no speed.
        for step, time in ((51, 100.0), (52, 102.0), (53, 104.0)):
            now[0] = time
            show(Step(step=step, total_steps=93, epoch=1.0, loss=0.5, tokens_per_s=1000.0, vram_gib=3.0))
        show(Step(step=53, total_steps=93, epoch=1.0, eval_loss=0.25))
    last = shown.getvalue().rpartition("qwen")[2]
    assert "53/93" in last
    assert "validation 0.2500 · 1,000 tokens/s" in last
    assert "0:01:20" in last
