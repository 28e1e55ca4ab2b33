import io
import stat
import zipfile

import pytest

from harness.datasets import archive as archives
from harness.datasets.archive import extract
from harness.errors import DataError, RunError


def make_zip(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, content in members.items():
            opened.writestr(name, content)
    return path


def zipped(members):
    buffer = io.BytesIO()
    make_zip(buffer, members)
    return buffer.getvalue()


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_zips_inside_are_unpacked_where_they_lie_and_litter_is_left_out(tmp_path):
    inner = zipped({"dev_databases/a/a.sqlite": b"db", "__MACOSX/dev_databases/a/._a.sqlite": b"junk"})
    outer = make_zip(
        tmp_path / "dev.zip",
        {
            "dev_2024/dev.json": b"[]",
            "dev_2024/dev_databases.zip": inner,
            "dev_2024/.DS_Store": b"x",
            "__MACOSX/y": b"z",
        },
    )
    extract(outer, tmp_path / "out")
    assert contents(tmp_path / "out") == {"dev_2024/dev.json": b"[]", "dev_2024/dev_databases/a/a.sqlite": b"db"}


@pytest.mark.parametrize("name", ["../evil", "a/../../evil", "/etc/evil", "C:/evil", "a\\..\\..\\evil"])
def test_members_that_point_outside_are_refused_before_anything_is_written(tmp_path, name):
    outer = make_zip(tmp_path / "x.zip", {"good.txt": b"1", name: b"2"})
    with pytest.raises(DataError, match="outside"):
        extract(outer, tmp_path / "out" / "deep")
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["x.zip"]


def test_links_are_refused(tmp_path):
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as opened:
        link = zipfile.ZipInfo("link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        opened.writestr(link, "/etc/passwd")
    with pytest.raises(DataError, match="outside"):
        extract(path, tmp_path / "out")


def test_a_damaged_archive_is_a_data_error(tmp_path):
    path = make_zip(tmp_path / "x.zip", {"a.txt": b"hello world" * 100})
    content = bytearray(path.read_bytes())
    content[45:50] = b"\0\0\0\0\0"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"x\.zip"):
        extract(path, tmp_path / "out")
    path.write_bytes(b"no zip")
    with pytest.raises(DataError, match="not a readable zip"):
        extract(path, tmp_path / "out")


def test_content_that_does_not_fit_the_disk_is_refused_before_unpacking(tmp_path, monkeypatch):
    path = make_zip(tmp_path / "x.zip", {"a.txt": b"x" * 10_000})
    monkeypatch.setattr(archives.shutil, "disk_usage", lambda folder: type("Usage", (), {"free": 9_999})())
    with pytest.raises(RunError, match="make room"):
        extract(path, tmp_path / "out")
    assert not contents(tmp_path / "out")
