"""`t2s train --push` against a hub on this machine that speaks what huggingface_hub asks."""

import base64
import hashlib
import http.server
import json
import os
import subprocess
import sys
import threading

import pytest

pytest.importorskip("huggingface_hub")

from trainer.hub import PUBLISHED

pytestmark = pytest.mark.torch  # huggingface_hub comes with the training stack

TOKEN = "hf_of_a_test"
PUSH = ("--push", "org/adapter")


class Hub(http.server.ThreadingHTTPServer):
    """Repositories in memory: large files come by LFS's basic transfer, the rest in the commit."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.repositories, self.blobs, self.requests, self.refuse, self.hold = {}, {}, [], {}, None
        self.received = threading.Event()

    def commit(self, repository, lines):
        files = self.repositories[repository]["files"]
        for line in lines[1:]:
            entry = line["value"]
            if line["key"] == "lfsFile":
                files[entry["path"]] = self.blobs[entry["oid"]]
            else:
                assert (line["key"], entry["encoding"]) == ("file", "base64")
                files[entry["path"]] = base64.b64decode(entry["content"])


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, value, status=200):
        content = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def body(self):
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            parts = []
            while size := int(self.rfile.readline(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def refused(self, path):
        for part, (status, message) in self.server.refuse.items():
            if part in path:
                self.answer({"error": message}, status)
                return True
        if not path.startswith("/blob/") and self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self.answer({"error": "Invalid username or password."}, 401)
            return True
        return False

    def do_POST(self):
        content, path = self.body(), self.path.partition("?")[0]
        self.server.requests.append((self.command, path))
        if self.refused(path):
            return
        if path == "/api/repos/create":
            asked = json.loads(content)
            name = f"{asked['organization']}/{asked['name']}"
            private = asked.get("private") is True or asked.get("visibility") == "private"
            known = name in self.server.repositories
            self.server.repositories.setdefault(name, {"private": private, "files": {}})
            self.answer({"url": f"{self.server.url}/{name}"}, 409 if known else 200)
        elif path == "/api/validate-yaml":
            self.answer({"errors": [], "warnings": []})
        elif "/preupload/" in path:
            files = json.loads(content)["files"]
            for one in files:
                mode = "lfs" if one["path"].endswith(".safetensors") else "regular"
                one |= {"uploadMode": mode, "shouldIgnore": False}
            self.answer({"files": files})
        elif path.endswith("/info/lfs/objects/batch"):
            objects = json.loads(content)["objects"]
            for one in objects:
                if one["oid"] not in self.server.blobs:
                    one["actions"] = {"upload": {"href": f"{self.server.url}/blob/{one['oid']}"}}
            self.answer({"transfer": "basic", "objects": objects})
        elif "/commit/" in path:
            repository = path.removeprefix("/api/models/").partition("/commit/")[0]
            self.server.commit(repository, [json.loads(line) for line in content.splitlines()])
            self.answer({"commitUrl": f"{self.server.url}/{repository}/commit/1", "commitOid": "1" * 40})
        else:
            self.answer({"error": path}, 404)

    def do_PUT(self):
        content = self.body()
        self.server.requests.append((self.command, self.path))
        self.server.received.set()
        if self.server.hold is not None:
            self.server.hold.wait(60)
            return
        digest = hashlib.sha256(content).hexdigest()
        assert self.path == f"/blob/{digest}"
        self.server.blobs[digest] = content
        self.answer({})

    def do_GET(self):
        name = self.path.partition("?")[0].removeprefix("/api/models/")
        self.server.requests.append((self.command, self.path))
        if self.refused(self.path):
            return
        if name not in self.server.repositories:
            self.answer({"error": "Repository not found"}, 404)
            return
        about = self.server.repositories[name]
        self.answer({"id": name, "sha": "1" * 40, "private": about["private"], "siblings": []})


@pytest.fixture
def hub():
    with Hub() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def t2s(hub, tmp_path, write_config):
    """Run `t2s train` on a trainer without torch, away from the user's own login."""
    config, out = str(write_config("", trainer="dry_run")), tmp_path / "out"

    def start(*words, token=TOKEN, **environment):
        own = lambda name: not name.startswith("HF_") and "proxy" not in name.lower()  # noqa: E731
        kept = {name: value for name, value in os.environ.items() if own(name)}
        kept |= {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "home"), "HF_HUB_DISABLE_XET": "1"}
        kept |= {"HF_TOKEN": token} if token else {}
        kept["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
        return subprocess.Popen(
            [sys.executable, "-m", "harness.cli", "train", config, "--out", str(out), *words],
            env=kept | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(*words, **options):
        process = start(*words, **options)
        said, complained = process.communicate(timeout=120)
        return process.returncode, said, complained

    run.start, run.out = start, out
    return run


def test_a_finished_adapter_is_uploaded_and_nothing_beside_it(t2s, hub):
    t2s.out.mkdir()
    (t2s.out / "notes.txt").write_text("mine")
    (t2s.out / "optimizer.pt").write_bytes(b"moments")
    (t2s.out / "old").mkdir()
    (t2s.out / "old" / "README.md").write_text("mine too")
    code, said, complained = t2s(*PUSH)
    assert code == 0, complained
    assert f"out: uploaded to {hub.url}/org/adapter" in said
    files = hub.repositories["org/adapter"]["files"]
    assert set(files) == set(PUBLISHED)
    assert all((t2s.out / name).read_bytes() == content for name, content in files.items())
    assert not hub.repositories["org/adapter"]["private"]
    assert not [name for name, content in files.items() if TOKEN.encode() in content]


def test_the_repository_is_private_where_that_is_asked_for(t2s, hub):
    code, _, complained = t2s(*PUSH, "--private")
    assert code == 0, complained
    assert hub.repositories["org/adapter"]["private"]
    assert set(hub.repositories["org/adapter"]["files"]) == set(PUBLISHED)


def test_a_public_repository_that_is_there_gets_nothing_private(t2s, hub):
    hub.repositories["org/adapter"] = {"private": False, "files": {}}
    code, _, complained = t2s(*PUSH, "--private")
    assert code == 2
    assert "org/adapter: is there already and public" in complained
    assert not hub.repositories["org/adapter"]["files"]
    assert (t2s.out / "training.json").is_file()


def test_a_missing_token_is_said_before_anything_is_trained(t2s, hub):
    code, _, complained = t2s(*PUSH, token=None)
    assert code == 2
    assert complained.count("\n") == 1
    assert "--push org/adapter: there is no token for the Hugging Face hub; log in with `hf auth login`" in complained
    assert not t2s.out.exists()
    assert not hub.requests


def test_a_machine_that_must_not_ask_the_hub_says_so_before_anything_is_trained(t2s, hub):
    code, _, complained = t2s(*PUSH, HF_HUB_OFFLINE="1")
    assert code == 2
    assert "--push org/adapter: HF_HUB_OFFLINE is set" in complained
    assert not t2s.out.exists()
    assert not hub.requests


def test_half_an_adapter_is_not_uploaded(t2s, hub):
    assert t2s()[0] == 0
    (t2s.out / "adapter_model.safetensors").unlink()
    code, _, complained = t2s(*PUSH)
    assert code in (2, 3)
    assert "adapter_model.safetensors" in complained
    assert not hub.repositories


def test_a_finished_adapter_without_a_token_stays(t2s):
    assert t2s()[0] == 0
    before = {path.name: path.read_bytes() for path in t2s.out.iterdir()}
    code, _, complained = t2s(*PUSH, token=None)
    assert code == 2
    assert "there is no token" in complained
    assert {path.name: path.read_bytes() for path in t2s.out.iterdir()} == before


@pytest.mark.parametrize(
    ("part", "status", "words"),
    [
        ("/api/repos/create", 403, "the token may not write there"),
        ("/commit/", 403, "the token may not write there"),
        ("/api/repos/create", 401, "the hub does not know the token"),
        ("/preupload/", 400, "no room for this"),
    ],
)
def test_a_refused_upload_is_one_message_and_the_same_command_repeats_it(t2s, hub, part, status, words):
    hub.refuse = {part: (status, "no room for this")}
    code, _, complained = t2s(*PUSH)
    assert code == 3, complained
    last = complained.splitlines()[-1]
    assert "--push org/adapter: the upload failed: " in last
    assert words in last
    assert "is finished and stays, and the same command uploads it without training again" in last
    assert "Traceback" not in complained
    before = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in t2s.out.iterdir()}
    assert set(before) == set(PUBLISHED)
    hub.refuse = {}
    code, said, complained = t2s(*PUSH)
    assert code == 0, complained
    assert ("already finished" in said, "step 10 of 10" in complained) == (True, False)
    assert {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in t2s.out.iterdir()} == before
    assert set(hub.repositories["org/adapter"]["files"]) == set(PUBLISHED)


def test_an_upload_killed_on_its_way_is_repeated_by_the_same_command(t2s, hub):
    hub.hold = threading.Event()
    process = t2s.start(*PUSH)
    assert hub.received.wait(60)
    process.kill()
    process.communicate()
    assert not hub.repositories["org/adapter"]["files"]
    hub.hold.set()
    hub.hold = None
    code, said, complained = t2s(*PUSH)
    assert code == 0, complained
    assert "already finished" in said
    assert set(hub.repositories["org/adapter"]["files"]) == set(PUBLISHED)
    # What is there already is not sent again.
    sent = len([one for one in hub.requests if one[0] == "PUT"])
    assert t2s(*PUSH)[0] == 0
    assert len([one for one in hub.requests if one[0] == "PUT"]) == sent


def test_a_hub_that_is_not_there_is_one_message(t2s, hub):
    code, _, complained = t2s(*PUSH, HF_ENDPOINT="http://127.0.0.1:9")
    assert code == 3
    assert "--push org/adapter: the upload failed: " in complained
    assert "Traceback" not in complained
    assert (t2s.out / "training.json").is_file()


def test_an_adapter_of_another_configuration_is_not_uploaded(t2s, hub):
    assert t2s()[0] == 0
    code, _, complained = t2s(*PUSH, "--set", "train.epochs=3")
    assert code == 2
    assert "finished with another configuration" in complained
    assert not hub.requests


@pytest.mark.parametrize("name", ["adapter", "a/b/c", "org/bad name", "org/-adapter"])
def test_a_name_that_the_hub_cannot_have_is_refused_before_anything_is_trained(t2s, name):
    code, _, complained = t2s("--push", name)
    assert code == 2
    assert "give it as ORG/NAME" in complained
    assert not t2s.out.exists()


def test_private_says_nothing_without_a_push(t2s):
    code, _, complained = t2s("--private")
    assert code == 2
    assert "--private: says how --push ORG/NAME makes the repository" in complained
    assert not t2s.out.exists()
