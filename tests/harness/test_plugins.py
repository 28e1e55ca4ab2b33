"""Names → objects."""

import sys

import pytest

from harness.errors import ConfigError
from harness.generators import GENERATORS
from harness.metrics import METRICS
from harness.metrics.execution_accuracy import ExecutionAccuracy
from harness.plugins import instantiate, resolve


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_of_the_table_carries_its_name(name):
    assert resolve(METRICS, name, "metrics").name == name


def test_a_class_outside_the_table_is_named_by_module_and_class():
    found = instantiate(METRICS, "harness.metrics.execution_accuracy:ExecutionAccuracy", {}, "metrics")
    assert found == ExecutionAccuracy()


def test_a_module_of_the_current_folder_is_found_and_leaves_the_path_as_it_was(tmp_path, monkeypatch):
    (tmp_path / "own_words.py").write_text(
        "from dataclasses import dataclass\n\n\n@dataclass(frozen=True)\nclass Own:\n    limit: int = 3\n"
    )
    monkeypatch.chdir(tmp_path)
    before = list(sys.path)
    assert instantiate(METRICS, "own_words:Own", {"limit": 4}, "metrics").limit == 4
    assert sys.path == before


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("executoin_accuracy", "did you mean 'execution_accuracy'"),
        ("no.such.module:Metric", "cannot be imported"),
        ("harness.metrics:Nothing", "has no 'Nothing'"),
        ("harness.prompts:render_schema", "not a dataclass"),
    ],
)
def test_a_name_that_leads_nowhere_says_why(name, message):
    with pytest.raises(ConfigError, match=message):
        resolve(METRICS, name, "metrics.names")


def test_every_wrong_option_is_named_at_once():
    with pytest.raises(ConfigError) as caught:
        instantiate(GENERATORS, "replay", {"path": "x", "pth": "y", "speed": 3}, "generator")
    assert [problem.partition(":")[0] for problem in caught.value.problems] == ["pth", "speed"]


def test_option_values_are_checked():
    with pytest.raises(ConfigError, match="keyed_by"):
        instantiate(GENERATORS, "replay", {"path": "x", "keyed_by": "name"}, "generator")
