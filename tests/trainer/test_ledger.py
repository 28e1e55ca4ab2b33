import math

import pytest

torch = pytest.importorskip("torch")

from harness.errors import RunError  # noqa: E402
from trainer.ledger import MAX_OVERFLOWS, Ledger, Overflows  # noqa: E402
from trainer.log import Window  # noqa: E402

pytestmark = pytest.mark.torch


def values(*numbers):
    return [torch.tensor(number) for number in numbers]


@pytest.mark.parametrize("lag", [False, True])
def test_every_step_is_counted_once(lag):
    window = Window()
    ledger = Ledger(window, lag=lag)
    for step in range(1, 4):
        ledger.note(step, ["a", "b"], 100, values(0.5, 0.25, 9.0))
    assert window.steps == (2 if lag else 3)
    ledger.settle()
    ledger.settle()
    assert (window.steps, window.tokens, window.loss_sum) == (3, 300, 2.25)


@pytest.mark.parametrize("lag", [False, True])
@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_what_is_no_number_names_its_step_and_its_batch(lag, number):
    ledger = Ledger(Window(), lag=lag)

    def note(step, *numbers):
        ledger.note(step, ["a", "b"], 100, values(*numbers))
        ledger.settle()

    with pytest.raises(RunError, match=r"^step 7: the loss is not a number \(examples b\); .*new --out$"):
        note(7, 0.5, number, math.nan)
    with pytest.raises(RunError, match=r"^step 8: the gradient is not a number \(examples a · b\)"):
        note(8, 0.5, 0.5, number)
    ledger.settle()


def test_where_the_scaler_watches_the_gradient_only_losses_are_looked_at():
    ledger = Ledger(Window(), lag=False)
    ledger.note(1, ["a", "b"], 100, values(0.5, 0.5))
    assert ledger.window.loss_sum == 1.0


def test_steps_that_overflow_one_after_the_other_end_the_run_and_name_the_knob():
    overflows = Overflows()
    for step in range(1, MAX_OVERFLOWS):
        overflows.note(step, skipped=True)
    overflows.note(MAX_OVERFLOWS, skipped=False)
    for step in range(1, MAX_OVERFLOWS):
        overflows.note(step, skipped=True)
    with pytest.raises(RunError, match=r"step 99: .* overflowed fp16 in 25 steps.*compute_dtype = 'fp32'"):
        overflows.note(99, skipped=True)
