import errno

import pytest

from harness.errors import RunError
from trainer.base import ignore_step
from trainer.config import load
from trainer.session import Session, saving, unfinished_checkpoints


class SafetensorError(Exception):
    pass


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("[enforce fail at inline_container.cc:664] . unexpected pos 64 vs 0\nmore"),
        RuntimeError("basic_ios::clear: iostream error"),
        SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)"),
        OSError(errno.ENOSPC, "No space left on device"),
    ],
)
def test_a_full_disk_names_the_folder_and_how_to_go_on(error, tmp_path):
    with pytest.raises(RunError, match="--resume goes on") as raised, saving(tmp_path / "folder"):
        raise error
    assert str(raised.value).startswith(f"{tmp_path / 'folder'}: cannot be written: ")
    assert "free some space" in str(raised.value)
    assert raised.value.__cause__ is error


@pytest.mark.parametrize("error", [RuntimeError("shape mismatch"), ValueError("x"), RunError("step 3: y")])
def test_other_errors_pass_as_they_are(error, tmp_path):
    with pytest.raises(type(error)) as raised, saving(tmp_path):
        raise error
    assert raised.value is error


def test_a_checkpoint_that_is_written_again_is_torn_until_it_is_marked(tmp_path):
    session = Session(load("smollm2"), tmp_path, ignore_step)
    session.begin()
    (session.checkpoints / "checkpoint-3").mkdir()
    session.mark_whole(3)
    assert (session.step, len(unfinished_checkpoints(tmp_path))) == (3, 1)
    with session.saving(3):
        assert unfinished_checkpoints(tmp_path) == []
    assert session.step == 0
