"""How many rows fit."""

from types import SimpleNamespace

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch

from harness.generators.huggingface import memory
from harness.generators.huggingface.bank import Bank, Cells
from harness.generators.huggingface.memory import GIB, Workload, available_bytes, cap_process, fit
from harness.generators.huggingface.rows import Request, Row
from harness.types import Prompt

pytestmark = pytest.mark.torch

QWEN = SimpleNamespace(num_attention_heads=12, vocab_size=151936, intermediate_size=8960, hidden_size=1536)
CELLS = Cells(28, 2, 128, torch.bfloat16, SimpleNamespace(type="cuda"))
ROWS = [Row(Request(Prompt(n, "", ""), (n % 4,) * 900, (1,) * 100)) for n in range(600)]


@pytest.fixture
def card(monkeypatch):
    """Return a function that says what card there is, in GiB: its size, what is free, what torch holds and uses."""

    def put(total, free, reserved=0.0, allocated=0.0):
        state = {"mem_get_info": (int(free * GIB), int(total * GIB)), "is_available": True}
        state |= {"memory_reserved": int(reserved * GIB), "memory_allocated": int(allocated * GIB)}
        for name, value in state.items():
            monkeypatch.setattr(torch.cuda, name, lambda value=value: value)

    return put


def rows_on(card, weights, total, memory_gib=0.0, most=128):
    card(total, total - weights - 0.5, weights, weights)
    return fit(Workload(ROWS, CELLS, QWEN, 256), most, memory_gib, CELLS.device)[0].rows


def test_a_large_card_takes_all_rows_that_are_allowed(card):
    assert rows_on(card, 3.1, 80) == 128
    assert rows_on(card, 3.1, 80, most=512) == 512
    assert rows_on(card, 3.1, 80, most=100) == 96


def test_a_small_card_takes_what_fits(card):
    nf4, wide = rows_on(card, 1.2, 6), rows_on(card, 3.8, 6)
    assert nf4 == 128
    assert 32 <= wide < 128
    assert rows_on(card, 3.8, 5) < wide
    assert rows_on(card, 5.5, 6) == 1


def test_a_budget_is_a_small_card(card):
    assert rows_on(card, 3.8, 80, memory_gib=6) == rows_on(card, 3.8, 6) < 128


def test_what_torch_holds_without_using_it_is_there(card):
    card(8, 1, reserved=6, allocated=2)
    assert available_bytes(0) == 5 * GIB
    assert available_bytes(6) == pytest.approx((6 - memory.CONTEXT_GIB - 2) * GIB)
    assert available_bytes(2) == 0


def test_no_more_rows_than_there_are(card):
    card(80, 76)
    few = Workload(ROWS[:5], CELLS, QWEN, 256)
    assert fit(few, 128, 0, CELLS.device)[0].rows == 8


def test_buffers_take_what_the_arithmetic_says():
    cells = Cells(2, 2, 8, torch.float32, torch.device("cpu"))
    workload = Workload(ROWS[:40], cells, QWEN, 20)
    geometry = workload.geometry(16)
    assert (geometry.tiles, geometry.tile_rows, geometry.own, geometry.prefix, geometry.places) == (4, 4, 128, 960, 4)
    bank = Bank(geometry, cells)
    buffers = [buffer for pair in [*bank.own, *bank.prefixes] for buffer in pair]
    held = sum(buffer.numel() * buffer.element_size() for buffer in buffers)
    assert held == cells.token_bytes * (16 * 128 + 4 * 960)
    assert workload.bytes(16, 512) > held


def test_a_cap_leaves_what_a_smaller_card_would_have(card, monkeypatch):
    card(80, 70)
    capped = []
    monkeypatch.setattr(torch.cuda, "set_per_process_memory_fraction", capped.append)
    monkeypatch.setattr(memory.importlib, "import_module", lambda _: SimpleNamespace(_C=None))
    cap_process(0)
    assert capped == []
    cap_process(6)
    assert capped == [pytest.approx((6 - memory.CONTEXT_GIB) / 80)]
