import json
import struct

import pytest

from harness.errors import DataError, ModelError, RunError, UsageError
from trainer import config as configuration
from trainer import job
from trainer.dry_run import DryRun
from trainer.job import train
from trainer.log import read_log
from trainer.memory import known_shape
from trainer.planning import make_plan
from trainer.schedule import Schedule


def dry(write_config, *overrides):
    return configuration.load(str(write_config("", trainer="dry_run")), overrides)


def test_a_dry_run_writes_a_whole_adapter_folder(write_config, tmp_path):
    steps = []
    adapter = train(dry(write_config), tmp_path / "out", resume=False, on_step=steps.append)
    files = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"adapter_config.json", "adapter_model.safetensors", "README.md", "training.json", "log.jsonl"} <= files
    assert "eda.json" in files
    assert "started.json" not in files
    assert len(steps) == adapter.steps == 10
    lines = read_log(tmp_path / "out" / "log.jsonl")
    assert [line["step"] for line in lines if line["loss"] is not None] == [2, 4, 6, 8, 10]
    assert len([line for line in lines if line["eval_loss"] is not None]) == 2


def test_the_adapter_names_the_hub_id_of_its_base(write_config, tmp_path):
    train(dry(write_config), tmp_path / "out", resume=False)
    about = json.loads((tmp_path / "out" / "adapter_config.json").read_text())
    assert about["base_model_name_or_path"] == "tiny/model"
    (length,) = struct.unpack("<Q", (tmp_path / "out" / "adapter_model.safetensors").read_bytes()[:8])
    assert length == 2


def test_training_json_says_what_was_done_to_what(write_config, tmp_path):
    train(dry(write_config), tmp_path / "out", resume=False)
    about = json.loads((tmp_path / "out" / "training.json").read_text())
    assert about["config"]["lora"]["r"] == 4
    assert about["weights"]["hub_id"] == "tiny/model"
    assert set(about["data"]["hashes"]) == {"train.json", "train_tables.json"}
    assert about["rows"] == 18
    assert about["data"]["validation_rows"] == 9
    assert not set(about["data"]["databases"]) & set(about["data"]["validation_databases"])
    assert about["versions"]["python"]
    assert {"peak_vram_gib", "time_s", "tokens", "loss", "eval_loss"} <= about.keys()


def test_the_card_shows_evidence_before_and_after_sampling(write_config, tmp_path):
    train(dry(write_config), tmp_path / "out", resume=False)
    card = (tmp_path / "out" / "README.md").read_text()
    assert card.startswith("---\nbase_model: tiny/model\n")
    assert "| 1-5 | 12 | 12 |" in card
    assert "{" not in card


def test_a_finished_adapter_is_never_overwritten(write_config, tmp_path):
    config = dry(write_config)
    train(config, tmp_path / "out", resume=False)
    before = (tmp_path / "out" / "training.json").read_bytes()
    with pytest.raises(UsageError, match="finished adapter"):
        train(config, tmp_path / "out", resume=False)
    assert train(config, tmp_path / "out", resume=True) is None
    assert (tmp_path / "out" / "training.json").read_bytes() == before
    with pytest.raises(UsageError, match="another configuration"):
        train(dry(write_config, "train.epochs=3"), tmp_path / "out", resume=True)


def unfinished(folder, config_sha256):
    checkpoint = folder / "checkpoints" / "checkpoint-2"
    checkpoint.mkdir(parents=True)
    (checkpoint / "window.json").write_text("{}")
    (folder / "started.json").write_text(json.dumps({"config_sha256": config_sha256, "data": {}}))


def test_an_unfinished_training_asks_for_resume(write_config, tmp_path):
    unfinished(tmp_path / "out", "x")
    with pytest.raises(UsageError, match="--resume"):
        train(dry(write_config), tmp_path / "out", resume=False)


def test_a_training_on_other_data_is_not_resumed(write_config, tmp_path):
    unfinished(tmp_path / "out", "x")
    with pytest.raises(UsageError, match="other data"):
        train(dry(write_config), tmp_path / "out", resume=True)


def test_a_folder_that_cannot_be_made_is_a_run_error(write_config, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="choose another place"):
        train(dry(write_config), tmp_path / "file" / "out", resume=False)


def test_missing_data_says_how_to_get_it(write_config, tmp_path):
    with pytest.raises(DataError, match="t2s data fetch bird-train"):
        train(dry(write_config, "data=data/bird-train"), tmp_path / "out", resume=False)
    assert not (tmp_path / "out").exists()


def test_nothing_left_to_train_on_is_an_error(write_config, tmp_path):
    with pytest.raises(DataError, match="no example is left"):
        train(dry(write_config, "prompt.max_tokens=1"), tmp_path / "out", resume=False)


def test_training_json_keeps_what_an_evaluation_reads(write_config, tmp_path):
    train(dry(write_config, "prompt.template=reference", "prompt.max_tokens=777"), tmp_path / "out", resume=False)
    about = json.loads((tmp_path / "out" / "training.json").read_text())
    assert about["config"]["prompt"]["template"] == "reference"
    assert about["config"]["prompt"]["max_tokens"] == 777
    assert about["weights"].keys() >= {"sha256", "hub_id"}


def test_a_finished_adapter_keeps_no_checkpoints(write_config, tmp_path):
    config, out = dry(write_config), tmp_path / "out"
    train(config, out, resume=False)
    assert not (out / "checkpoints").exists()
    (out / "checkpoints" / "checkpoint-10").mkdir(parents=True)  # killed while it tidied
    assert train(config, out, resume=True) is None
    assert not (out / "checkpoints").exists()


def test_the_statistics_are_there_before_the_training_starts(write_config, tmp_path, monkeypatch):
    class Interrupted(Exception):
        pass

    def look(self, rows, validation, output_dir, **options):
        assert (output_dir / "eda.json").is_file()
        raise Interrupted

    monkeypatch.setattr(DryRun, "train", look)
    with pytest.raises(Interrupted):
        train(dry(write_config), tmp_path / "out", resume=False)


def test_checkpoints_of_nobody_knows_what_are_not_resumed(write_config, tmp_path):
    unfinished(tmp_path / "out", "x")
    (tmp_path / "out" / "started.json").unlink()
    with pytest.raises(UsageError, match=r"started.json: is missing"):
        train(dry(write_config), tmp_path / "out", resume=True)


def test_an_out_that_is_a_file_is_refused(write_config, tmp_path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(UsageError, match=r"out: is a file; choose another --out"):
        train(dry(write_config), tmp_path / "out", resume=False)
    assert (tmp_path / "out").read_text() == "mine"


def test_a_finished_adapter_is_found_again_by_its_data_and_not_by_their_place(write_config, questions, tmp_path):
    config, out = dry(write_config), tmp_path / "out"
    train(config, out, resume=False)
    moved = questions.rename(tmp_path / "moved")
    elsewhere = dry(write_config, f"data={moved}")
    assert train(elsewhere, out, resume=True) is None
    file = moved / "train.json"
    file.write_text(file.read_text().replace("number 0", "number zero"))
    with pytest.raises(UsageError, match="finished with other data"):
        train(elsewhere, out, resume=True)


def test_a_dry_run_makes_each_epoch_once(write_config, tmp_path, monkeypatch):
    made, epoch = [], Schedule.epoch
    monkeypatch.setattr(Schedule, "epoch", lambda self, number: made.append(number) or epoch(self, number))
    train(dry(write_config), tmp_path / "out", resume=False)
    assert made == [0, 1]


@pytest.mark.torch
def test_weights_of_another_model_than_the_id_says_are_refused(tiny_model, write_config, tmp_path, monkeypatch):
    base = tiny_model("Llama")
    shape = known_shape("Qwen/Qwen2.5-Coder-1.5B-Instruct")
    monkeypatch.setattr(job, "known_shape", lambda model_id: shape)
    config = configuration.load(str(write_config(base)))
    words = r"base-Llama: holds another model than model.id \(tiny/model\).*set model.id"
    with pytest.raises(ModelError, match=words):
        train(config, tmp_path / "out", resume=False)
    assert not (tmp_path / "out").exists()
    with pytest.raises(ModelError, match=words):
        make_plan(config)


@pytest.mark.torch
def test_the_positions_are_those_of_the_weights_that_are_named(tiny_model, write_config, monkeypatch):
    base = tiny_model("Llama")
    models = pytest.importorskip("trainer.models")
    monkeypatch.setattr(job, "known_shape", lambda model_id: None)
    config = configuration.load(str(write_config(base)))
    _, shape, _ = job.choose_encoder(config)
    assert shape == models.read_shape(models.resolve_base(config))
    assert shape.positions == 2048


def own_evaluation(questions, *db_ids):
    """Write a split `dev` of some databases of the training set beside it."""
    for name in ("", "_tables"):
        items = json.loads((questions / f"train{name}.json").read_text())
        (questions / f"dev{name}.json").write_text(json.dumps([one for one in items if one["db_id"] in db_ids]))


def test_training_json_and_the_card_say_what_is_shared_with_which_sets(write_config, questions, tmp_path):
    own_evaluation(questions, "two")
    train(dry(write_config, "data.leakage=allow"), tmp_path / "out", resume=False)
    leakage = json.loads((tmp_path / "out" / "training.json").read_text())["data"]["leakage"]
    (found,) = leakage["comparisons"]
    assert found["name"] == f"{questions} (dev)"
    assert set(found["hashes"]) == {"dev.json", "dev_tables.json"}
    assert [(one["db_id"], one["other"]) for one in found["databases"]] == [("two", "two")]
    assert len(found["alike"]) == len(found["same_sql"]) == found["questions"] == 9
    card = (tmp_path / "out" / "README.md").read_text()
    assert "(dev): two = two; 9 of 9 questions alike (9 equal), 9 with the same SQL" in card


def test_databases_that_are_left_out_are_neither_trained_on_nor_validated_on(write_config, questions, tmp_path):
    own_evaluation(questions, "two")
    train(dry(write_config, "data.leakage=exclude"), tmp_path / "out", resume=False)
    data = json.loads((tmp_path / "out" / "training.json").read_text())["data"]
    assert {*data["databases"], *data["validation_databases"]} == {"one", "three"}
    assert (data["leakage"]["left_out"], data["leakage"]["questions_left_out"]) == (["two"], 9)
    assert data["examples"] == 18


def test_a_training_is_not_resumed_when_other_databases_are_left_out(write_config, questions, tmp_path):
    own_evaluation(questions, "two")
    config, out = dry(write_config, "data.leakage=exclude"), tmp_path / "out"
    unfinished(out, configuration.identity(config))
    started = {"config_sha256": configuration.identity(config), "left_out": ["one"], "weights": None}
    started["data"] = job.hashes(job._load_material(config)[0])
    (out / "started.json").write_text(json.dumps(started))
    with pytest.raises(UsageError, match="started with other databases left out"):
        train(config, out, resume=True)
    (out / "started.json").write_text(json.dumps(started | {"left_out": ["two"]}))
    assert train(config, out, resume=True).steps


def test_the_card_names_hashes_versions_seeds_and_the_checkpoint(write_config, tmp_path):
    train(dry(write_config, "train.seed=7", "data.seed=8"), tmp_path / "out", resume=False)
    card = (tmp_path / "out" / "README.md").read_text()
    about = json.loads((tmp_path / "out" / "training.json").read_text())
    for name, digest in about["data"]["hashes"].items():
        assert f"| {name} | {digest} |" in card
    assert f"python {about['versions']['python']}" in card
    assert "| seeds | 8 for the sample and the databases held out, 7 for the order and the dropout |" in card
    assert "| checkpoint | step 10: the lowest validation loss of 2 evaluations |" in card
    assert about["selection"]["evaluations"] == [[5, 0.2], [10, 0.1]]
    assert "| 5 | 0.2000 |" in card


def test_without_validation_the_card_says_that_the_last_step_is_delivered(write_config, tmp_path):
    adapter = train(dry(write_config, "data.validation_databases=0"), tmp_path / "out", resume=False)
    assert adapter.selection.eval_loss is None
    assert "no databases are held out" in (tmp_path / "out" / "README.md").read_text()


def test_the_card_and_training_json_say_in_whose_words_the_golds_were_taught(write_config, tmp_path):
    train(dry(write_config, "data.qualifiers=always"), tmp_path / "out", resume=False)
    targets = json.loads((tmp_path / "out" / "training.json").read_text())["data"]["targets"]
    assert targets["rewritten"] > 0
    line = f"| targets | every column behind its table's name: {targets['rewritten']} golds rewritten, "
    assert line in (tmp_path / "out" / "README.md").read_text()
