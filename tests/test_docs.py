"""The tutorial and the page on bringing your own are true: what they show is run, and prints what they say."""

import contextlib
import http.server
import json
import re
import runpy
import shlex
import sys
import threading
import tomllib
from pathlib import Path

import pytest

from harness import cli
from harness.config import EvalConfig, build
from trainer import config as train_config

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"

if not (DOCS / "tutorial.md").exists():
    pytest.skip("the pages stand in the checkout", allow_module_level=True)

EXECUTED = ("tutorial", "bring-your-own")
NOT_EXECUTED = {
    "python -m venv .venv": "changes the shell",
    ". .venv/bin/activate": "changes the shell",
    "pip install .": "network",
    "pip install tox": "network",
    "pip install tox '.[train]'": "network",
    "t2s doctor": "says what this machine has",
    "tox -e demo": "minutes of training",
    "t2s data fetch bird-mini-dev --out data/bird-mini-dev": "network",
    "t2s data fetch bird-train --out data/bird-train": "network",
    "tox -e train-qwen": "GPU",
    "tox -e eval": "GPU",
    "t2s eval model.toml --set model=Qwen/Qwen2.5-Coder-1.5B-Instruct --set generator.precision=nf4 "
    "--out runs/hub": "GPU",
    "t2s eval model.toml --set model=models/mine.gguf --set generator.hub_id=me/mine --out runs/gguf": "weights",
    "t2s eval model.toml --limit 4 --set generator.adapter=adapters/mine --out runs/adapted": "weights",
}
"""What no test runs, and why."""
TINY = " --set model=models/mine"
WITH_TORCH = {
    "t2s eval model.toml --limit 4 --out runs/mine": "",
    "t2s train plain.toml --out adapters/plain": f"{TINY} --set model.id=tiny/model --set train.max_steps=2",
    "t2s eval model.toml --set model=HuggingFaceTB/SmolLM2-135M-Instruct --set generator.adapter=adapters/plain "
    "--limit 4 --out runs/plain": TINY,
    "t2s report runs/plain --training adapters/plain --out plain.html": "",
}
"""What the test with torch runs, and what it adds to run it on a tiny random model."""
PROGRESS = re.compile(r"[\w-]+: \d+ of \d+ questions")
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def blocks(page):
    return FENCE.findall((DOCS / f"{page}.md").read_text(encoding="utf-8"))


def commands(page):
    """Return (command, the lines that are shown below it) of a page's console blocks."""
    found = []
    for kind, text in blocks(page):
        for line in text.splitlines() if kind == "console" else ():
            if line.startswith("$ "):
                found.append((line[2:], []))
            else:
                found[-1][1].append(line)
    return found


def file_name(text):
    """Return the name that a block's first line gives it."""
    named = re.match(r"# ([\w.-]+)\n", text)
    assert named, f"a file without a name: {text[:40]!r}"
    return named[1]


class Shell:
    """Runs the commands of a page in the current folder, in this process, and keeps what they printed."""

    def __init__(self, capsys):
        self.capsys, self.code = capsys, 0

    def run(self, line):
        """Return what the command prints; its exit code is in `code`."""
        words = shlex.split(line)
        if line == "echo $?":
            code, self.code = self.code, 0
            return str(code)
        self.capsys.readouterr()
        if words[0] == "python":
            runpy.run_path(words[1], run_name="__main__")
        else:
            assert words[0] == "t2s", f"nobody knows how to run {line!r}"
            with pytest.raises(SystemExit) as leaving:
                cli.main(words[1:])
            self.code = leaving.value.code
        printed = self.capsys.readouterr()
        return printed.out + "".join(f"{one}\n" for one in printed.err.splitlines() if not PROGRESS.fullmatch(one))


def matches(shown, printed):
    """Return whether that is what was printed: a line `…` stands for any lines, no space is told from another."""
    pattern = "".join(r"(?:.*\n)*" if line == "…" else re.escape(line.rstrip()) + r"\n" for line in shown)
    lines = re.sub(r"[^\S\n]", " ", printed.rstrip()).split("\n")
    return re.fullmatch(pattern, "".join(f"{line.rstrip()}\n" for line in lines))


@pytest.fixture
def shell(tmp_path, monkeypatch, capsys):
    """A shell in an empty folder, whose modules are forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    before = set(sys.modules)
    yield Shell(capsys)
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]


@contextlib.contextmanager
def serving():
    """Yield the address of a chat server that always answers the same."""

    class Answering(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            message = {"role": "assistant", "content": "```sql\nSELECT COUNT(*) FROM keeper;\n```"}
            answer = {"model": asked["model"], "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
            body = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/v1"
        finally:
            server.shutdown()


def write_files(page, server="http://127.0.0.1:8000/v1"):
    for kind, text in blocks(page):
        if kind != "console":
            Path(file_name(text)).write_text(text.replace("http://127.0.0.1:8000/v1", server), encoding="utf-8")


@pytest.mark.parametrize("page", EXECUTED)
def test_every_command_of_a_page_runs_and_prints_what_is_shown(page, shell):
    here = [(line, shown) for line, shown in commands(page) if line not in NOT_EXECUTED and line not in WITH_TORCH]
    assert len(here) >= 10
    with serving() as server:
        write_files(page, server)
        for position, (line, shown) in enumerate(here):
            printed = shell.run(line)
            following = here[position + 1][0] if position + 1 < len(here) else ""
            assert shell.code == 0 or following == "echo $?", f"{line}\n{printed}"
            assert not shown or matches(shown, printed), f"$ {line}\n{printed}"


def test_the_comparison_with_what_is_shown_can_fail():
    assert matches(["one", "…", "three"], "one  \ntwo\nthree\n")
    assert matches(["…"], "")
    assert matches(["95 %"], "95\N{NO-BREAK SPACE}%\n")
    assert not matches(["one", "three"], "one\ntwo\nthree\n")
    assert not matches(["one"], "one\ntwo\n")
    assert not matches(["o.e"], "one\n")


def test_what_is_not_executed_stands_on_a_page_and_exists():
    shown = {line for page in EXECUTED for line, _ in commands(page)}
    assert NOT_EXECUTED.keys() | WITH_TORCH.keys() <= shown
    tox = (ROOT / "tox.ini").read_text(encoding="utf-8")
    environments = set(re.findall(r"^\[testenv:([\w-]+)\]", tox, re.MULTILINE))
    for stem, factors in re.findall(r"^\[testenv:([\w-]+)\{([\w,]+)\}\]", tox, re.MULTILINE):
        environments |= {f"{stem}{one}" for one in factors.split(",")}
    for words in map(shlex.split, NOT_EXECUTED):
        if words[0] == "tox":
            assert words[2] in environments
        elif words[:2] == ["t2s", "eval"]:
            config = next(text for kind, text in blocks("bring-your-own") if text.startswith(f"# {words[2]}\n"))
            assert build(EvalConfig, tomllib.loads(config), words[2]).generator["name"] == "huggingface"


def test_every_file_of_a_page_is_used_by_what_stands_below_it():
    for page in EXECUTED:
        text = (DOCS / f"{page}.md").read_text(encoding="utf-8")
        names = [file_name(block) for kind, block in blocks(page) if kind != "console"]
        assert len(names) == len(set(names))
        for name in names:
            below = text.partition(f"```\n# {name}\n")[2] or text.partition(f"\n# {name}\n")[2]
            assert name in below or f'"{name.removesuffix(".py")}:' in below, name


def test_the_configuration_of_a_training_names_a_class_and_a_preset(tmp_path):
    text = next(text for kind, text in blocks("bring-your-own") if text.startswith("# plain.toml\n"))
    (tmp_path / "plain.toml").write_text(text)
    config = train_config.load(str(tmp_path / "plain.toml"))
    assert (config.trainer, config.model.id) == ("plain_trainer:PlainTrainer", "HuggingFaceTB/SmolLM2-135M-Instruct")


@pytest.mark.torch
def test_own_weights_and_an_own_trainer_work_on_a_tiny_model(shell):
    save_tiny_model(Path("models/mine"))
    write_files("bring-your-own")
    for line, addition in WITH_TORCH.items():
        printed = shell.run(line + addition)
        assert shell.code == 0, f"{line}\n{printed}"
    about = json.loads(Path("adapters/plain/training.json").read_text())
    assert (about["steps"], about["config"]["trainer"]) == (2, "plain_trainer:PlainTrainer")
    assert Path("plain.html").stat().st_size > 10_000
    asked = json.loads(Path("runs/plain/manifest.json").read_text())["config"]["generator"]
    assert (asked["model"], asked["adapter"]) == ("models/mine", "adapters/plain")


def save_tiny_model(folder):
    """Save a random model with a byte-level tokeniser, as a user would have one."""
    torch = pytest.importorskip("torch")
    tokenizers = pytest.importorskip("tokenizers")
    transformers = pytest.importorskip("transformers")
    torch.set_num_threads(1)
    torch.manual_seed(0)
    names = ["<s>", "</s>", *sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())]
    vocabulary = {name: number for number, name in enumerate(names)}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    wrapped = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>")
    wrapped.save_pretrained(folder)
    shape = transformers.LlamaConfig(
        vocab_size=len(names),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=8192,
        bos_token_id=0,
        eos_token_id=1,
    )
    transformers.AutoModelForCausalLM.from_config(shape).save_pretrained(folder)


def anchors(page):
    """Return the anchors of a page's headings, as GitHub makes them."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", sorted(path.name for path in DOCS.glob("*.md")))
def test_every_link_between_pages_leads_somewhere(page):
    text = FENCE.sub("", (DOCS / page).read_text(encoding="utf-8"))
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith(("https://", "http://")):
            continue
        name, _, anchor = target.partition("#")
        path = DOCS / name if name else DOCS / page
        assert path.exists(), target
        assert not anchor or anchor in anchors(path), target


def test_the_index_names_every_page_once():
    index = (DOCS / "README.md").read_text(encoding="utf-8")
    pages = sorted(path.name for path in DOCS.glob("*.md") if path.name != "README.md")
    assert sorted(re.findall(r"^- \[([\w-]+\.md)\]\(\1\): .", index, re.MULTILINE)) == pages


@pytest.mark.parametrize("page", ["README", *EXECUTED])
def test_the_pages_speak_of_the_product_only(page):
    text = (DOCS / f"{page}.md").read_text(encoding="utf-8")
    assert not re.search(r"(?:^|[\s(`'\"])/[a-z]+/", text, re.MULTILINE)
