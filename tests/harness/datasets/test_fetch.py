"""Fetching, against a server of our own that supports ranges, cuts connections and tells lies."""

import hashlib
import io
import json
import re
import sys
import threading
import types
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from harness.datasets import load
from harness.datasets.download import Download
from harness.datasets.fetch import SOURCES, Request, fetch
from harness.errors import DataError, MissingDependency, RunError, UsageError

BODY = bytes(range(256)) * 4096


class Server(ThreadingHTTPServer):
    daemon_threads = False

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = {}
        self.tag = '"v1"'
        self.cuts = []  # how many bytes of each next answer are sent before the connection is cut
        self.statuses = []  # answers of the next requests instead of the file
        self.requests = []
        self.wrong_range = False

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *arguments):
        pass

    def do_GET(self):
        server = self.server
        server.requests.append(dict(self.headers))
        if server.statuses:
            self.send_error(server.statuses.pop(0))
            return
        body = server.files.get(self.path.partition("?")[0].lstrip("/"))
        if body is None:
            self.send_error(404)
            return
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if asked and self.headers.get("If-Range", server.tag) == server.tag:
            self.send_range(body, int(asked[1]), int(asked[2] or len(body) - 1))
        else:
            self.send_body(200, body, {})

    def send_range(self, body, start, end):
        if start >= len(body):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(body)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        start += self.server.wrong_range
        self.send_body(206, body[start : end + 1], {"Content-Range": f"bytes {start}-{end}/{len(body)}"})

    def send_body(self, status, body, headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if self.server.tag:
            self.send_header("ETag", self.server.tag)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        cut = self.server.cuts.pop(0) if self.server.cuts else None
        self.wfile.write(body[:cut])
        self.close_connection = True


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    running = Server()
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield running
    running.shutdown()
    thread.join()
    running.server_close()


def start(server, tmp_path, **options):
    server.files.setdefault("f.bin", BODY)
    return Download(f"{server.url}/f.bin", tmp_path / "f.bin", **{"pause_s": 0.0, **options})


def sha(content):
    return hashlib.sha256(content).hexdigest()


def test_a_file_arrives_whole_with_its_checksum_and_progress(server, tmp_path):
    seen = []
    found = start(server, tmp_path, checksum=sha(BODY).upper()).run(lambda *numbers: seen.append(numbers))
    assert found == sha(BODY)
    assert (tmp_path / "f.bin").read_bytes() == BODY
    assert seen[-1] == (len(BODY), len(BODY))
    assert [path.name for path in tmp_path.iterdir()] == ["f.bin"]


def test_a_cut_connection_is_continued_where_it_broke(server, tmp_path):
    server.cuts = [300_000, 200_000]
    start(server, tmp_path).run()
    assert (tmp_path / "f.bin").read_bytes() == BODY
    assert [one.get("Range") for one in server.requests] == [None, "bytes=300000-", "bytes=500000-"]
    assert [one.get("If-Range") for one in server.requests] == [None, '"v1"', '"v1"']


def test_a_connection_that_keeps_breaking_leaves_the_part_for_the_next_call(server, tmp_path):
    server.cuts = [100_000, 50_000, 0]
    with pytest.raises(RunError, match=r"keeps breaking.*150000 bytes are kept"):
        start(server, tmp_path, attempts=2).run()
    assert not (tmp_path / "f.bin").exists()
    start(server, tmp_path).run()
    assert (tmp_path / "f.bin").read_bytes() == BODY
    assert server.requests[-1]["Range"] == "bytes=150000-"


def test_a_file_that_changed_meanwhile_is_fetched_from_its_start(server, tmp_path):
    server.cuts = [100_000]
    with pytest.raises(RunError):
        start(server, tmp_path, attempts=1).run()
    server.tag, server.files["f.bin"] = '"v2"', BODY[::-1]
    start(server, tmp_path).run()
    assert (tmp_path / "f.bin").read_bytes() == BODY[::-1]


@pytest.mark.parametrize("tag", ["", 'W/"weak"'])
def test_without_a_version_to_compare_nothing_is_continued(server, tmp_path, tag):
    server.tag, server.cuts = tag, [100_000]
    start(server, tmp_path).run()
    assert (tmp_path / "f.bin").read_bytes() == BODY
    assert [one.get("Range") for one in server.requests] == [None, None]


def test_a_part_that_is_whole_already_is_only_renamed(server, tmp_path):
    download = start(server, tmp_path)
    download.part.write_bytes(BODY)
    download.validator.write_text(json.dumps({"url": download.url, "version": '"v1"'}))
    assert download.run() == sha(BODY)
    assert (tmp_path / "f.bin").read_bytes() == BODY


def test_a_part_longer_than_the_file_is_thrown_away(server, tmp_path):
    download = start(server, tmp_path)
    download.part.write_bytes(BODY + b"more")
    download.validator.write_text(json.dumps({"url": download.url, "version": '"v1"'}))
    download.run()
    assert (tmp_path / "f.bin").read_bytes() == BODY


@pytest.mark.parametrize("note", ["", "[", '{"url": "https://elsewhere", "version": "1"}'])
def test_a_part_of_unknown_origin_is_not_continued(server, tmp_path, note):
    download = start(server, tmp_path)
    download.part.write_bytes(b"somebody else's")
    if note:
        download.validator.write_text(note)
    download.run()
    assert (tmp_path / "f.bin").read_bytes() == BODY


def test_another_range_than_asked_for_is_never_appended(server, tmp_path):
    server.cuts, server.wrong_range = [100_000], True
    start(server, tmp_path).run()
    assert (tmp_path / "f.bin").read_bytes() == BODY


def test_wrong_bytes_are_refused_and_deleted(server, tmp_path):
    with pytest.raises(DataError, match=f"sha256 is {sha(BODY)}, not {'0' * 64}"):
        start(server, tmp_path, checksum="0" * 64).run()
    assert not list(tmp_path.iterdir())


def test_a_refusal_is_final_and_a_server_error_is_tried_again(server, tmp_path):
    server.statuses = [503, 500]
    start(server, tmp_path).run()
    server.statuses = [404]
    with pytest.raises(DataError, match="404"):
        start(server, tmp_path).run()
    assert len(server.requests) == 4


def zipped(members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, content in members.items():
            opened.writestr(name, content)
    return buffer.getvalue()


@pytest.fixture
def mini_dev_zip(tmp_path, make_bird):
    folder = make_bird(tmp_path / "made", split="mini_dev_sqlite")
    members = {
        f"minidev/MINIDEV/{path.relative_to(folder)}": path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }
    return zipped(members)


def test_a_fetched_archive_loads_and_says_where_it_is_from(server, tmp_path, mini_dev_zip):
    server.files["minidev.zip"] = mini_dev_zip
    out = tmp_path / "data" / "bird"
    request = Request("bird-mini-dev", out, base_url=server.url)
    fetched = fetch(request)
    assert len(load(out, "mini_dev").databases) == 2
    note = json.loads((out / "SOURCE.json").read_text())
    assert note == fetched.source
    assert note["sha256"] == sha(mini_dev_zip)
    assert note["licence"] == "CC BY-SA 4.0"
    assert [path.name for path in out.parent.iterdir()] == ["bird"]
    assert not fetched.already
    requests = len(server.requests)
    assert fetch(request).already
    assert len(server.requests) == requests


def test_a_folder_with_something_else_in_it_is_left_alone(server, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("mine")
    with pytest.raises(UsageError, match="something else"):
        fetch(Request("bird-dev", tmp_path / "out", base_url=server.url))
    assert (tmp_path / "out" / "thesis.txt").read_text() == "mine"
    assert not server.requests


def test_an_archive_with_another_checksum_than_asked_for_leaves_nothing(server, tmp_path, mini_dev_zip):
    server.files["minidev.zip"] = mini_dev_zip
    with pytest.raises(DataError, match="sha256"):
        fetch(Request("bird-mini-dev", tmp_path / "x" / "out", checksum="1" * 64, base_url=server.url))
    assert not list((tmp_path / "x").iterdir())


def test_a_notice_page_instead_of_the_archive_is_recognised(server, tmp_path):
    server.files["spider_data.zip"] = b"<html>Quota exceeded</html>"
    with pytest.raises(DataError, match="no zip archive"):
        fetch(Request("spider", tmp_path / "x" / "out", base_url=server.url))
    assert not list((tmp_path / "x").iterdir())


def test_databases_are_an_option_of_the_training_set_alone(tmp_path):
    with pytest.raises(UsageError, match="leave --databases out"):
        fetch(Request("bird-dev", tmp_path / "out", databases=True))


def test_an_unknown_name_is_answered_with_the_known_ones(tmp_path):
    with pytest.raises(UsageError, match="bird-mini-dev, bird-dev, bird-train, spider"):
        fetch(Request("wikisql", tmp_path / "out"))


@pytest.fixture
def hub(monkeypatch):
    """A stand-in for Hugging Face's package, which knows one data set."""
    rows = [{"db_id": "zoo", "question": "Names?", "evidence": None, "SQL": "SELECT name FROM animal", "extra": 1}]

    def load_dataset(name, split):
        assert (name, split) == ("birdsql/bird23-train-filtered", "train")
        return rows

    monkeypatch.setitem(sys.modules, "datasets", types.SimpleNamespace(load_dataset=load_dataset))


@pytest.fixture
def train_zip(tmp_path, make_bird):
    folder = make_bird(tmp_path / "made", split="train", databases_folder="train_databases")
    (folder / "dev_tables.json").rename(folder / "train_tables.json")
    databases = {
        str(path.relative_to(folder)): path.read_bytes() for path in (folder / "train_databases").rglob("*.sqlite")
    }
    return zipped(
        {
            "train/padding.bin": bytes(range(256)) * 2000,
            "train/train.json": (folder / "train.json").read_bytes(),
            "train/train_tables.json": (folder / "train_tables.json").read_bytes(),
            "train/train_databases.zip": zipped(databases),
        }
    )


def test_the_training_set_comes_from_the_hub_and_its_schemas_out_of_the_remote_archive(
    server, tmp_path, hub, train_zip
):
    server.files["train.zip"] = train_zip
    out = tmp_path / "out"
    fetch(Request("bird-train", out, base_url=server.url))
    dataset = load(out, "train")
    assert [(one.question_id, one.db_id, one.evidence) for one in dataset.examples] == [(0, "zoo", "")]
    assert [table.name for table in dataset.schemas["zoo"].tables] == ["keeper", "animal"]
    assert "questions only" in dataset.notes[0]
    assert all("Range" in one for one in server.requests)


def test_the_training_set_with_databases_keeps_the_filtered_questions(server, tmp_path, hub, train_zip):
    server.files["train.zip"] = train_zip
    out = tmp_path / "out"
    fetch(Request("bird-train", out, databases=True, base_url=server.url))
    dataset = load(out, "train")
    assert len(dataset.examples) == 1
    assert set(dataset.databases) == {"zoo"}
    assert [path.parent for path in out.rglob("train.json")] == [out]


def test_asking_for_databases_later_is_not_answered_with_a_folder_without_them(server, tmp_path, hub, train_zip):
    server.files["train.zip"] = train_zip
    fetch(Request("bird-train", tmp_path / "out", base_url=server.url))
    with pytest.raises(UsageError, match="--out"):
        fetch(Request("bird-train", tmp_path / "out", databases=True, base_url=server.url))


def test_a_server_without_ranges_is_answered_with_advice(server, tmp_path, hub, train_zip, monkeypatch):
    server.files["train.zip"] = train_zip
    monkeypatch.setattr(Handler, "send_range", lambda self, body, start, end: self.send_body(200, body, {}))
    with pytest.raises(DataError, match="--databases"):
        fetch(Request("bird-train", tmp_path / "x" / "out", base_url=server.url))
    assert not list((tmp_path / "x").iterdir())


def test_without_the_hub_package_the_extra_is_named(server, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(MissingDependency, match=r"text2sql-harness\[train\]"):
        fetch(Request("bird-train", tmp_path / "out", base_url=server.url))


def test_every_source_has_an_address_over_https_and_a_licence():
    assert len(SOURCES) == 4
    for source in SOURCES.values():
        assert source.url.startswith("https://")
        assert source.licence
        assert source.splits
