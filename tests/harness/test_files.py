"""Files that appear whole or not at all."""

import errno
import os
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import files
from harness.errors import RunError


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@given(st.text(st.characters(codec="utf-8")), st.text(st.characters(codec="utf-8")))
def test_a_file_holds_exactly_the_last_text_and_nothing_lies_beside_it(tmp_path_factory, first, second):
    folder = tmp_path_factory.mktemp("files")
    path = folder / "new" / "file.txt"
    for text in (first, second):
        files.write_text(path, text)
        assert path.read_bytes() == text.encode()
    assert names(path.parent) == ["file.txt"]


@pytest.mark.parametrize("broken", ["fsync", "replace"])
@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_a_failure_leaves_the_old_file_and_no_temporary_one(tmp_path, monkeypatch, broken, error):
    def fail(*_):
        raise error

    path = tmp_path / "file.txt"
    path.write_text("old")
    monkeypatch.setattr(*(("os.fsync", fail) if broken == "fsync" else ("pathlib.Path.replace", fail)))
    with pytest.raises((RunError, KeyboardInterrupt)):
        files.write_text(path, "new")
    assert path.read_text() == "old"
    assert names(tmp_path) == ["file.txt"]


def test_lone_surrogates_are_kept_or_replaced_as_asked(tmp_path):
    path = tmp_path / "file.txt"
    files.write_text(path, "\ud800", errors="surrogatepass")
    assert path.read_text(encoding="utf-8", errors="surrogatepass") == "\ud800"
    files.write_text(path, "\ud800", errors="replace")
    assert path.read_text() == "?"


def test_a_links_target_is_replaced_and_the_link_stays(tmp_path):
    target, link = tmp_path / "real" / "file.txt", tmp_path / "link.txt"
    files.write_text(target, "old")
    link.symlink_to(target)
    files.write_text(link, "new")
    assert link.is_symlink()
    assert target.read_text() == "new"


def test_a_pipe_is_written_to_and_stays_a_pipe(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        files.write_text(path, "text")
        assert os.read(reader, 100) == b"text"
    finally:
        os.close(reader)
    assert stat.S_ISFIFO(path.stat().st_mode)


@pytest.mark.parametrize("place", [".", "file/below", "x" * 300])
def test_a_place_that_cannot_hold_a_file_asks_for_another_one(tmp_path, place):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match=r"cannot be written: .*; choose another place$"):
        files.write_text(tmp_path / place, "text", advice=files.RESUME)
    assert names(tmp_path) == ["file"]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_resume_is_advised_only_where_the_caller_says_that_it_helps(tmp_path, code):
    def message(*advice):
        with pytest.raises(RunError) as caught, files.writing(tmp_path / "file", *advice):
            raise OSError(code, "full")
        return str(caught.value)

    assert message() == f"{tmp_path / 'file'}: cannot be written: full; choose another place or free some space"
    assert message(files.RESUME).endswith("free some space, then the same command with --resume goes on")
