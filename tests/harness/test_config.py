"""TOML → dataclasses."""

import pytest

from harness.config import EvalConfig, apply_overrides, load
from harness.errors import ConfigError

GOOD = '[data]\npath = "mini"\n[generator]\nname = "replay"\n'


def write(tmp_path, text):
    path = tmp_path / "eval.toml"
    path.write_text(text)
    return path


def test_a_short_file_is_filled_with_the_documented_defaults(tmp_path):
    config = load(write(tmp_path, GOOD), EvalConfig)
    assert (config.data.split, config.prompt.template, config.prompt.max_tokens) == ("dev", "plain", 3072)
    assert (config.execution.timeout_s, config.execution.memory_mib) == (30.0, 1024)
    assert (config.execution.max_rows, config.analysis.mutations, config.output.path) == (1_000_000, 0, "runs")


def test_five_mistakes_are_reported_at_once_with_suggestions(tmp_path):
    text = '[data]\npth = "x"\n[generator]\n[execution]\ntimeout = 3\nmax_rows = "many"\n[promt]\nx = 1\n'
    with pytest.raises(ConfigError) as caught:
        load(write(tmp_path, text), EvalConfig)
    assert len(caught.value.problems) == 5
    message = str(caught.value)
    assert "data.path: required" in message
    assert "data.pth: unknown key; did you mean 'path'?" in message
    assert "execution.timeout: unknown key; did you mean 'timeout_s'?" in message
    assert "execution.max_rows" in message
    assert "promt: unknown key; did you mean 'prompt'?" in message


def test_a_syntax_error_names_the_file_and_the_line(tmp_path):
    with pytest.raises(ConfigError, match=r"eval\.toml.*\n.*line 2"):
        load(write(tmp_path, "[data]\npath = \n"), EvalConfig)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"absent\.toml"):
        load(tmp_path / "absent.toml", EvalConfig)


def test_overrides_are_toml_values_and_bare_words_are_strings(tmp_path):
    overrides = ["model=org/name", "execution.timeout_s=2", "metrics.names=['a', 'b']", "data=other"]
    config = load(write(tmp_path, GOOD), EvalConfig, overrides, {"model": "generator.model", "data": "data.path"})
    assert config.generator["model"] == "org/name"
    assert config.execution.timeout_s == 2.0
    assert config.metrics.names == ("a", "b")
    assert config.data.path == "other"


def test_every_bad_override_is_named_at_once():
    with pytest.raises(ConfigError) as caught:
        apply_overrides({"a": 1}, ["nothing", "a.b=2"], {})
    assert len(caught.value.problems) == 2
