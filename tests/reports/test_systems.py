from dataclasses import replace

import pytest

from harness.diagnosis import DIAGNOSES
from harness.types import Run
from reports.summary_parts import FAMILIES
from reports.systems import name_models_alike, view_run


def test_the_rates_of_a_view_equal_the_summarys(make_run):
    run = make_run("r", [1.0, 0.0, None])
    view = view_run(run)
    for name, rate in run.summary["metrics"].items():
        assert (view.rates[name].value, view.rates[name].low, view.rates[name].high) == (
            rate["value"],
            rate["ci_low"],
            rate["ci_high"],
        )
        assert (view.rates[name].n, view.rates[name].unscored) == (3, 1)
    assert view.status == run.summary["status"]
    assert list(view.slices) == list(run.summary["slices"])


@pytest.mark.parametrize(
    ("generator", "shown"),
    [
        (
            {"name": "huggingface", "model": "Qwen/Qwen2.5", "adapter": "/x/adapters/qwen", "precision": "nf4"},
            ("Qwen/Qwen2.5", "qwen", "nf4", "greedy"),
        ),
        ({"name": "huggingface", "model": "/x/models/smol", "samples": 1}, ("smol", "", "", "greedy")),
        ({"name": "replay", "path": "answers/gpt.json"}, ("gpt.json", "", "", "answers from a file")),
        (
            {"name": "vllm", "model": "m", "samples": 5, "temperature": 0.8, "constraint": "schema"},
            ("m", "", "", "5 samples, voted, temperature 0.8, schema constraint (grammar only)"),
        ),
    ],
)
def test_a_system_is_described_in_short_words_without_paths(make_run, generator, shown):
    system = view_run(make_run("r", [1.0], generator=generator)).system
    assert (system.model, system.adapter, system.precision, system.decoding) == shown


def test_weights_of_one_hash_go_by_the_name_that_any_run_knows(make_run):
    def generated(name, sha256, **generator):
        run = make_run(name, [1.0], generator={"name": "huggingface", "model": "/x/weights", **generator})
        return replace(run, manifest=run.manifest | {"generator": {"weights": {"sha256": sha256}}})

    runs = [
        *(generated("base", "a"), generated("tuned", "a", hub_id="owner/model-1B")),
        *(generated("other", "b"), generated("from the hub", None, hub_id="owner/hub"), generated("unknown", None)),
    ]
    named = [view_run(run).system.model for run in name_models_alike(runs)]
    assert named == ["owner/model-1B", "owner/model-1B", "weights", "owner/hub", "weights"]
    assert "hub_id" not in runs[0].manifest["config"]["generator"]


def test_provenance_names_every_hash_and_version(make_run):
    provenance = dict(view_run(make_run("r", [1.0])).provenance)
    assert provenance["questions sha256"] == "abcdef"
    assert provenance["databases ferry sha256"] == "fedcba"
    assert provenance["prompt sha256"] == "beef"
    assert provenance["sqlite version"] == "3.46.0"
    assert provenance["seed"] == "0"


def test_an_older_run_with_bare_files_still_loads(make_run):
    run = make_run("r", [1.0])
    view = view_run(Run(run.path, {"format_version": 1}, run.records, {"metrics": {"soft_f1": {"value": 1.0}}}))
    assert (view.dataset, view.rates["soft_f1"].low, view.slices, view.status) == ("unnamed data", None, {}, {})


def test_an_incomplete_run_says_how_far_it_came(make_run):
    run = make_run("r", [1.0] * 5, complete=False)
    view = view_run(replace(run, records=run.records[:2]))
    assert (view.complete, view.n, view.expected, dict(view.rates)) == (False, 2, 5, {})


@pytest.mark.parametrize(
    ("model", "size"),
    [
        ("Qwen/Qwen2.5-Coder-1.5B-Instruct", "1.5B"),
        ("tiiuae/falcon-7b", "7B"),
        ("HuggingFaceTB/SmolLM2-135M", "135M"),
        ("/weights/gpt2-medium", ""),
        ("model-b3bits", ""),
    ],
)
def test_the_size_is_the_one_in_the_models_name(make_run, model, size):
    assert view_run(make_run("r", [1.0], generator={"name": "huggingface", "model": model})).system.size == size


def test_a_hub_id_names_weights_that_came_from_a_folder(make_run):
    generator = {"name": "huggingface", "model": "/weights/x", "hub_id": "Qwen/Qwen2.5-Coder-1.5B-Instruct"}
    system = view_run(make_run("r", [1.0], generator=generator)).system
    assert (system.model, system.size) == ("Qwen/Qwen2.5-Coder-1.5B-Instruct", "1.5B")


def test_evidence_is_spoken_of_where_questions_are_known_and_the_prompt_was_ours(make_run):
    assert view_run(make_run("r", [1.0])).system.evidence == "without evidence"
    assert view_run(make_run("r", [1.0], evidence="boats are ships")).system.evidence == "with evidence"
    assert view_run(make_run("r", [1.0], question="")).system.evidence == ""
    assert view_run(make_run("r", [1.0], generator={"name": "replay", "path": "a.json"})).system.evidence == ""


def test_a_label_that_no_family_has_is_counted_as_other(make_run):
    families = view_run(make_run("r", [1.0, 0.0], diagnosis="a_new_one")).families
    assert (families["other"], sum(families.values())) == (2, 2)


def test_every_diagnosis_is_of_one_family():
    labels = [label for family in FAMILIES.values() for label in family]
    assert sorted(labels) == sorted(DIAGNOSES)


@pytest.mark.parametrize(
    ("generator", "usage", "speed"),
    [("huggingface", {}, 2.0), ("huggingface", {"cache_hits": 3}, None), ("endpoint", {}, None), ("replay", {}, None)],
)
def test_questions_per_second_are_told_where_latencies_add_up(make_run, generator, usage, speed):
    run = make_run("r", [1.0] * 4, generator={"name": generator})
    summary = run.summary | {"usage": usage, "timing": {"generation_s": 2.0}}
    assert view_run(replace(run, summary=summary)).cost.questions_per_s == speed
