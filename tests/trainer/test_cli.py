import signal
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from harness.cli import main
from harness.errors import UsageError
from trainer import job
from trainer.cli import plan_app, train_app
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
