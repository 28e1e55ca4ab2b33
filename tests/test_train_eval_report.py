"""What `tox -e train-qwen` and `tox -e eval` run, read from tox.ini: a training, its evaluation, the page."""

import configparser
import html
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from harness import cli
from harness.datasets import load

ROOT = Path(__file__).parent.parent
TOX = ROOT / "tox.ini"
PUBLISHED = ROOT / "reports" / "published"
PROGRAM = "{[person]bin}/t2s"
QWEN, FALCON = "Qwen/Qwen2.5-Coder-1.5B-Instruct", "tiiuae/Falcon3-1B-Base"
WITHOUT_FALCON = "falcon not run not run: no run uses an adapter of this name; make one with tox -e train-falcon"
FIXTURE = "FIXTURE, no result: made up for a test"

if not TOX.exists():
    pytest.skip("tox.ini stands in the checkout", allow_module_level=True)


def lines_of(environment, *posargs):
    """Return the words of every `t2s` line that `tox -e ENVIRONMENT -- POSARGS` runs."""
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(TOX)
    stem, _, factor = environment.partition("-")
    section = next(tox[name] for name in tox.sections() if re.fullmatch(rf"testenv:{stem}(-\{{.*\}})?", name))
    lines = [line for line in section["commands"].splitlines() if line]
    chosen = [line.removeprefix(f"{factor}: ") for line in lines if not factor or line.startswith(f"{factor}: ")]
    assert chosen, f"{environment} runs nothing"
    assert all(line.startswith(f"{PROGRAM} ") for line in chosen)
    return [
        [word for one in shlex.split(line)[1:] for word in (posargs if one == "{posargs}" else [one])]
        for line in chosen
    ]


def t2s(words, folder, timeout_s=280):
    """Run one line as its own process, as tox does, without the network."""
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "HF_HUB_OFFLINE": "1",
        "COLUMNS": "200",
    }
    done = subprocess.run(
        [sys.executable, "-m", "harness.cli", *map(str, words)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout_s,
    )
    assert done.returncode == 0, f"{shlex.join(map(str, words))}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


def read_page(folder):
    """Return what a reader sees of the page, without the texts that its script draws from."""
    page = (folder / "runs" / "index.html").read_text(encoding="utf-8")
    seen = re.sub(r"<(script|style)\b.*?</\1>", " ", page, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", seen)).split())


def manifests(folder):
    return [json.loads(path.read_text()) for path in sorted((folder / "runs").glob("*/manifest.json"))]


def adapters_of(folder):
    return [Path(one["config"]["generator"].get("adapter", "")).name for one in manifests(folder)]


@pytest.mark.parametrize("preset", ["qwen", "falcon", "starcoder2"])
def test_each_training_environment_trains_its_preset(preset):
    assert lines_of(f"train-{preset}", "--set", "model=weights") == [["train", preset, "--set", "model=weights"]]


def test_the_evaluation_environment_evaluates_every_adapter_and_renders_what_is_there():
    evaluation, report = lines_of("eval", "--set", "model=weights")
    assert evaluation == ["eval", "mini-dev", "--adapters", "adapters", "--resume", "--set", "model=weights"]
    assert report[:4] == ["report", "runs", "--out", "runs/index.html"]
    expected = [report[index + 1] for index, word in enumerate(report) if word == "--expect"]
    assert expected == ["qwen", "falcon"]


@pytest.fixture
def tiny(tmp_path):
    """Save a random model of two layers that reads bytes, in a folder that is called as a preset is."""
    torch, transformers = pytest.importorskip("torch"), pytest.importorskip("transformers")
    tokenizers = pytest.importorskip("tokenizers")
    pytest.importorskip("peft")
    folder = tmp_path / "qwen"
    names = ["<s>", "</s>", *sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())]
    vocabulary = {name: index for index, name in enumerate(names)}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>").save_pretrained(
        folder
    )
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = transformers.LlamaConfig(
        **sizes,
        vocab_size=len(names),
        num_key_value_heads=2,
        max_position_embeddings=4096,
        bos_token_id=0,
        eos_token_id=1,
    )
    transformers.AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    return folder


def evaluate_on_the_cpu(tmp_path, tiny):
    """Run the lines of `tox -e eval` on a few questions of the mini set."""
    options = ("data=mini", "data.split=dev", "generator.precision=fp32", "generator.max_new_tokens=8")
    settings = [word for option in (f"model={tiny}", *options) for word in ("--set", option)]
    return "".join(t2s(line, tmp_path) for line in lines_of("eval", *settings, "--limit", "4"))


@pytest.mark.torch
def test_on_a_cpu_training_and_evaluation_end_in_the_page_with_baseline_and_adapter(tmp_path, tiny):
    settings = ("model.id=tiny/llama", f"model={tiny}", "data=mini", "train.max_steps=2", "prompt.max_tokens=2048")
    [training] = lines_of("train-qwen", *(word for one in settings for word in ("--set", one)))
    t2s(["smollm2" if word == "qwen" else word for word in training], tmp_path)
    said = evaluate_on_the_cpu(tmp_path, tiny)
    assert adapters_of(tmp_path) == ["", "smollm2"]
    assert "qwen: not run, adapters/qwen holds no adapter; make one with `tox -e train-qwen`" in said
    base, tuned = (one["name"] for one in manifests(tmp_path))
    text = read_page(tmp_path)
    assert f"against {base}" in text
    # The base was given as a path, and goes by the name that its adapter knows.
    assert f"{base} baseline tiny/llama no adapter · fp32" in text
    assert f"{tuned} tiny/llama adapter smollm2 · fp32" in text
    assert WITHOUT_FALCON in text
    # The folder of the weights bears this name, and that makes no adapter of them.
    assert WITHOUT_FALCON.replace("falcon", "qwen") in text
    assert re.search(r"Training smollm2 Loss .{0,30}: training ends at", text)


@pytest.mark.torch
def test_an_evaluation_alone_evaluates_the_base_and_says_what_is_missing(tmp_path, tiny):
    (tmp_path / "adapters").mkdir()
    said = evaluate_on_the_cpu(tmp_path, tiny)
    assert adapters_of(tmp_path) == [""]
    for preset in ("qwen", "falcon"):
        assert f"{preset}: not run, adapters/{preset} holds no adapter; make one with `tox -e train-{preset}`" in said
    text = read_page(tmp_path)
    assert WITHOUT_FALCON in text
    assert WITHOUT_FALCON.replace("falcon", "qwen") in text


@pytest.mark.torch
def test_an_adapter_whose_base_is_not_there_keeps_nothing_else_from_being_evaluated(tmp_path, tiny):
    falcon = tmp_path / "adapters" / "falcon"
    falcon.mkdir(parents=True)
    (falcon / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": FALCON}))
    (falcon / "training.json").write_text(json.dumps({"weights": {"sha256": "0" * 64, "source": FALCON}}))
    said = evaluate_on_the_cpu(tmp_path, tiny)
    assert adapters_of(tmp_path) == [""]
    assert f"falcon: not run, {FALCON}" in said
    text = read_page(tmp_path)
    assert "falcon not run not run: its adapter is there and was not evaluated; tox -e eval does it" in text


@pytest.mark.torch
@pytest.mark.gpu
@pytest.mark.shared_data
@pytest.mark.timeout(1800)
def test_on_a_gpu_the_lines_of_qwen_end_in_the_page_with_baseline_and_adapter(tmp_path):
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("there is no CUDA device")
    for variable in ("T2S_TEST_MODEL", "T2S_SHARED_DATA"):
        if not os.environ.get(variable):
            pytest.skip(f"{variable} is not set")
    model, data = (Path(os.environ[name]).resolve() for name in ("T2S_TEST_MODEL", "T2S_SHARED_DATA"))
    weights = ("--set", f"model={model}")
    short = ("--set", f"data={data / 'bird_train'}", "--set", "train.max_steps=20")
    lines = [
        *lines_of("train-qwen", *weights, *short),
        *lines_of("eval", *weights, "--set", f"data={data / 'bird'}"),
    ]
    said = [t2s(line, tmp_path, timeout_s=900) for line in lines]
    (tmp_path / "said.txt").write_text("\n".join(said))
    assert adapters_of(tmp_path) == ["", "qwen"]
    base, tuned = (one["name"] for one in manifests(tmp_path))
    summaries = [json.loads((tmp_path / "runs" / name / "summary.json").read_text()) for name in (base, tuned)]
    # Real weights: a model that answers nothing would pass everything below.
    assert all(one["metrics"]["valid_sql"]["value"] > 0.5 for one in summaries)
    text = read_page(tmp_path)
    assert f"against {base}" in text
    assert f"{base} baseline {QWEN} 1.5B · no adapter · nf4" in text
    assert f"{tuned} {QWEN} 1.5B · adapter qwen · nf4" in text
    assert WITHOUT_FALCON in text
    assert "qwen not run not run" not in text
    assert re.search(r"Training qwen Loss .{0,30}: training ends at", text)


def fabricate(folder, name, every, generator):
    """Score golds, every so many of them spoiled, and sign them as a model's: a run with numbers of nobody."""
    answers = folder / f"{name}.json"
    golds = load("mini", "dev").examples
    answers.write_text(
        json.dumps(
            [
                {"question_id": one.question_id, "SQL": "SELECT 'no'" if index % every == 0 else one.gold_sql}
                for index, one in enumerate(golds)
            ]
        )
    )
    run = folder / "runs" / f"FIXTURE-{name}"
    with pytest.raises(SystemExit) as leaving:
        cli.main(["score", "--predictions", str(answers), "--data", "mini", "--out", str(run)])
    assert leaving.value.code == 0
    manifest = json.loads((run / "manifest.json").read_text())
    manifest["config"]["generator"] = {"name": "huggingface", "precision": "nf4", **generator}
    manifest["dataset"]["notes"] = [FIXTURE]
    (run / "manifest.json").write_text(json.dumps(manifest))


def test_the_page_of_three_models_is_made_of_fixtures_that_say_so_and_nothing_is_published(tmp_path, monkeypatch):
    before = sorted(PUBLISHED.rglob("*"))
    fabricate(tmp_path, "1-base", 2, {"model": QWEN})
    fabricate(tmp_path, "2-falcon", 3, {"model": FALCON, "adapter": "adapters/falcon"})
    fabricate(tmp_path, "3-qwen", 5, {"model": QWEN, "adapter": "adapters/qwen"})
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as leaving:
        cli.main(lines_of("eval")[1])
    assert leaving.value.code == 0
    text = read_page(tmp_path)
    assert "not run: " not in text
    assert "against FIXTURE-1-base" in text
    for name, system in (
        ("FIXTURE-1-base", f"{QWEN} 1.5B · no adapter · nf4"),
        ("FIXTURE-2-falcon", f"{FALCON} 1B · adapter falcon · nf4"),
        ("FIXTURE-3-qwen", f"{QWEN} 1.5B · adapter qwen · nf4"),
    ):
        assert name in text
        assert system in text
    assert text.count(FIXTURE) == 3
    assert sorted(PUBLISHED.rglob("*")) == before
    assert not [path for path in before if path.name == "manifest.json" and "FIXTURE" in path.read_text()]
