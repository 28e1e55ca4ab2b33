import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.base import ignore_step
from trainer.config import load
from trainer.log import Window
from trainer.selection import choose
from trainer.session import Session

evaluations = st.lists(st.floats(0, 10), min_size=1, max_size=6).map(lambda losses: list(enumerate(losses, start=1)))


def session(folder, *overrides):
    made = Session(load("smollm2", overrides), folder, ignore_step)
    made.begin()
    return made


def write_to(folder):
    folder.mkdir()
    (folder / "adapter").write_text(folder.name)


@given(evaluations)
def test_the_lowest_loss_is_chosen_and_of_equal_ones_the_first(seen):
    chosen = choose(seen, len(seen), keep_best=True)
    assert chosen.eval_loss == min(loss for _, loss in seen)
    assert all(loss > chosen.eval_loss for step, loss in seen if step < chosen.step)
    assert chosen.evaluations == tuple(seen)


@given(evaluations)
def test_without_the_choice_the_last_step_is_delivered(seen):
    chosen = choose(seen, len(seen), keep_best=False)
    assert (chosen.step, chosen.eval_loss) == seen[-1]


def test_what_was_never_evaluated_is_the_last_step():
    assert choose((), 7, keep_best=True).step == 7
    assert choose((), 7, keep_best=True).eval_loss is None


def test_a_loss_that_is_no_number_is_never_the_best():
    assert choose([(1, math.nan), (2, 9.0), (3, math.inf)], 3, keep_best=True).step == 2


@pytest.mark.parametrize(("losses", "delivered"), [((3, 1, 2), ["best-2"]), ((3, 2, 1), []), ((1, 2, 3), ["best-1"])])
def test_the_best_adapter_is_read_where_it_is_not_the_last_one(losses, delivered, tmp_path):
    training, loaded = session(tmp_path), []
    for step, loss in enumerate(losses, start=1):
        training.keep_evaluated(step, float(loss), write_to)
        with training.saving(step):
            (training.checkpoints / f"checkpoint-{step}").mkdir()
        training.mark_whole(step)
    assert len(list(training.checkpoints.glob("best-*"))) == 1
    chosen = training.deliver(3, lambda folder: loaded.append((folder / "adapter").read_text()))
    assert loaded == delivered
    assert training.window.eval_loss == chosen.eval_loss == min(losses)


def test_a_best_adapter_stays_until_the_checkpoint_that_knows_of_a_better_one_is_whole(tmp_path):
    first = session(tmp_path)
    first.keep_evaluated(1, 2.0, write_to)
    (first.checkpoints / "checkpoint-1").mkdir()
    first.mark_whole(1)
    first.keep_evaluated(2, 1.0, write_to)  # killed before checkpoint-2 is saved
    again = Session(first.config, tmp_path, ignore_step)
    assert again.restore() == again.checkpoints / "checkpoint-1"
    assert again.window.evaluations == [(1, 2.0)]
    loaded = []
    again.keep_evaluated(2, 3.0, write_to)  # as another machine would compute it
    assert again.deliver(2, loaded.append).step == 1
    assert loaded == [again.checkpoints / "best-1"]


def test_nothing_is_kept_where_the_last_step_is_asked_for(tmp_path):
    training = session(tmp_path, "train.keep_best=false")
    training.keep_evaluated(1, 1.0, write_to)
    training.keep_evaluated(2, 2.0, write_to)
    assert not list(training.checkpoints.glob("best-*"))
    assert training.deliver(2, write_to).eval_loss == 2.0


def test_a_window_keeps_the_evaluations_over_a_resume(tmp_path):
    window = Window()
    window.evaluations.append((5, 0.25))
    window.save(tmp_path / "window.json")
    assert Window.read(tmp_path / "window.json").evaluations == [(5, 0.25)]
