"""Folders, servers and keys of one machine do not leave it."""

import pytest

from harness.publishing.places import shorten_command, shorten_places


@pytest.mark.parametrize(
    ("tree", "expected", "names"),
    [
        ({"data": {"path": "/home/ann/bird"}}, {"data": {"path": "bird"}}, ["data.path"]),
        ({"path": "C:\\Users\\Ann\\bird\\"}, {"path": "bird"}, ["path"]),
        ({"model": "Qwen/Qwen2.5-Coder-1.5B-Instruct"}, {"model": "Qwen/Qwen2.5-Coder-1.5B-Instruct"}, []),
        ({"model": "models/qwen.gguf"}, {"model": "qwen.gguf"}, ["model"]),
        ({"model": "../my models/qwen.gguf"}, {"model": "qwen.gguf"}, ["model"]),
        ({"weights": {"ref": "~/qwen"}}, {"weights": {"ref": "qwen"}}, ["weights.ref"]),
        ({"path": "mini"}, {"path": "mini"}, []),
        (
            {"notes": ["no databases in /data/x: 3 questions and/or 1/2"]},
            {"notes": ["no databases in x: 3 questions and/or 1/2"]},
            ["notes"],
        ),
        (
            {"base_url": "http://10.0.0.7:8000", "model": "m", "extra": {"key": "secret"}},
            {"model": "m"},
            ["base_url", "extra"],
        ),
        ({"n": 3, "limit": None, "explain": True}, {"n": 3, "limit": None, "explain": True}, []),
        ({"page": "https://bird-bench.github.io/index.html"}, {"page": "https://bird-bench.github.io/index.html"}, []),
    ],
)
def test_a_path_becomes_its_last_part_and_is_named(tree, expected, names):
    assert shorten_places(tree) == (expected, names)


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("t2s score --data /data/bird --out runs/mine", "t2s score --data bird --out runs/mine"),
        ("t2s eval my.toml --set model=/m/qwen.gguf", "t2s eval my.toml --set model=qwen.gguf"),
        ("t2s score --data '/my data/bird'", "t2s score --data bird"),
        (
            "t2s eval e.toml --set generator.base_url=http://inside:80/v1",
            "t2s eval e.toml --set 'generator.base_url=…'",
        ),
        ("t2s eval e.toml --set generator.extra.key=secret", "t2s eval e.toml --set 'generator.extra.key=…'"),
        ("t2s eval e.toml --out=~/runs/a", "t2s eval e.toml --out=a"),
        ("t2s 'unclosed /home/ann/x", "t2s 'unclosed x"),
    ],
)
def test_a_command_keeps_its_words_without_their_folders(command, expected):
    assert shorten_command(command) == expected


def test_a_summary_keeps_its_keys_whatever_metrics_are_called():
    summary = {"metrics": {"extra": {"value": 1.0}}, "usage": {"reason": "no /tmp/graph.bin"}}
    kept, names = shorten_places(summary, "summary", frozenset())
    assert kept == {"metrics": {"extra": {"value": 1.0}}, "usage": {"reason": "no graph.bin"}}
    assert names == ["summary.usage.reason"]
