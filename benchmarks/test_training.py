"""What packing and the loss take on a CPU, and on a CUDA device what whole stacks take of it, against committed runs.

A stack is a child process of `training/stacks.py` on the examples in `$T2S_BENCH_ROWS`, which `training/rows.py`
writes. `$T2S_BENCH_QWEN`, `$T2S_BENCH_FALCON` and `$T2S_BENCH_STARCODER2` are folders of weights; without one the
weights are random, which is right for speed and memory and for nothing else.
"""

import importlib.util
import json
import os
import random
import runpy
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch")

from trainer.base import Row  # noqa: E402
from trainer.loads import split_groups  # noqa: E402
from trainer.loss import completion_loss  # noqa: E402
from trainer.packing import pack  # noqa: E402
from trainer.schedule import Schedule  # noqa: E402

pytestmark = pytest.mark.torch

TRAINING = Path(__file__).parent / "training"
COMMITTED = Path(__file__).parent / "results" / "training" / "stacks"
DATABASES, EXAMPLES = 69, 6_601
MICRO_BATCH_TOKENS = 4_096
TOKENS, COMPLETION, WIDTH, VOCABULARY = 1_024, 64, 256, 16_384

MODELS = {
    "qwen": "Qwen/Qwen2.5-Coder-1.5B-Instruct",
    "falcon": "tiiuae/Falcon3-1B-Base",
    "starcoder2": "bigcode/starcoder2-3b",
}
# As the committed runs. Of 16 and of 8 examples at once TRL ran out of 80 GB.
SETTINGS = {"reference": ["--steps", "16"], "trl": ["--batch", "4"], "ours": []}
FIGURES = ("examples_per_s", "computed_tokens_per_s", "floor_share", "peak_allocated_gib", "peak_reserved_gib")


@pytest.fixture(scope="module")
def schedule():
    """As many examples, databases and tokens as the whole filtered training set of BIRD has."""
    order = random.Random(0)
    schemas = [tuple(order.choices(range(150_000), k=int(order.lognormvariate(6.3, 0.7)))) for _ in range(DATABASES)]
    rows = []
    for number in range(EXAMPLES):
        db = order.randrange(DATABASES)
        question, sql = (tuple(order.choices(range(150_000), k=order.randint(20, most))) for most in (80, 90))
        rows.append(Row(str(number), f"db{db}", schemas[db], question, sql))
    return Schedule(tuple(rows), step_examples=16, group_size=8, seed=0)


@pytest.mark.benchmark(group="packing")
def test_an_epoch_is_scheduled(benchmark, schedule):
    steps = benchmark.pedantic(schedule.epoch, (0,), rounds=5, warmup_rounds=1)
    assert sum(len(group) for step in steps for group in step) == EXAMPLES


@pytest.mark.benchmark(group="packing")
def test_a_step_is_packed(benchmark, schedule):
    step = schedule.epoch(0)[0]
    batches = benchmark(lambda: [pack(groups) for groups in split_groups(step, MICRO_BATCH_TOKENS)])
    separate = sum(row.tokens for group in step for row in group)
    packed = sum(batch.tokens for batch in batches)
    benchmark.extra_info.update(separate_tokens=separate, packed_tokens=packed)
    assert packed < separate / 2


@pytest.fixture(scope="module")
def projection():
    """Hidden states of a sequence, a frozen head, and labels that only the end of the sequence has."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # several would measure who else computes on the machine
    torch.manual_seed(0)
    hidden = torch.randn(TOKENS, WIDTH)
    labels = torch.full((TOKENS,), -100)
    labels[-COMPLETION:] = torch.randint(VOCABULARY, (COMPLETION,))
    yield hidden, torch.nn.Linear(WIDTH, VOCABULARY, bias=False).requires_grad_(False), labels
    torch.set_num_threads(threads)


def project_completion(hidden, head, labels):
    return completion_loss(hidden[labels >= 0], head, labels[labels >= 0])


def project_everything(hidden, head, labels):
    return torch.nn.functional.cross_entropy(head(hidden), labels, reduction="sum")


@pytest.mark.benchmark(group="loss, forward and backward")
@pytest.mark.parametrize("project", [project_completion, project_everything])
def test_loss(benchmark, projection, project):
    hidden, head, labels = projection

    def run():
        leaf = hidden.clone().requires_grad_()
        loss = project(leaf, head, labels)
        loss.backward()
        return loss.detach()

    assert float(benchmark(run)) == pytest.approx(float(project_everything(*projection)), rel=1e-5)


@pytest.fixture(scope="module")
def rows():
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    if "T2S_BENCH_ROWS" not in os.environ:
        pytest.skip("T2S_BENCH_ROWS is not set: benchmarks/training/rows.py writes the file that it names")
    return os.environ["T2S_BENCH_ROWS"]


@pytest.fixture(scope="module", params=MODELS)
def model(request, rows, tmp_path_factory):
    """Return a model's name and its folder."""
    name = request.param
    folder = os.environ.get(f"T2S_BENCH_{name.upper()}")
    if folder is None:
        folder = str(tmp_path_factory.mktemp("random") / name)
        run_script("random_model.py", name, "--out", folder)
    return name, folder


def run_script(name, *arguments):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, TRAINING / name, *arguments]
    done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    assert done.returncode == 0, f"{name} {' '.join(map(str, arguments))}\n{done.stderr[-4000:]}"


@pytest.mark.gpu
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("stack", SETTINGS)
def test_a_stack_takes_no_more_of_the_card_than_the_committed_run(benchmark, stack, model, rows, tmp_path, capsys):
    if stack == "trl" and importlib.util.find_spec("trl") is None:
        pytest.skip("trl is not installed")
    name, folder = model
    benchmark.group = name
    out = tmp_path / "run.json"
    arguments = [stack, "--model", folder, "--hub-id", MODELS[name], "--rows", rows, "--out", out, *SETTINGS[stack]]
    benchmark.pedantic(run_script, ("stacks.py", *arguments), rounds=1)
    run = json.loads(out.read_text("utf-8"))
    regression = SimpleNamespace(**runpy.run_path(str(TRAINING / "regression.py")))
    committed = regression.find_committed(run, COMMITTED.glob("*.json"))
    benchmark.extra_info.update({figure: run[figure] for figure in FIGURES}, tokens_per_s=run["real_tokens_per_s"])
    benchmark.extra_info.update(device=run["device"], compared_with=committed and committed.name)
    if committed is None:
        with capsys.disabled():
            print(f"\n{stack}, {name}: no committed run on {run['device']} to compare with")
        return
    assert not (problems := regression.compare_peaks(run, committed)), "\n".join(problems)
