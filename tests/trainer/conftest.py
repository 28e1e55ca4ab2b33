"""Tiny random models with a byte-level tokeniser, saved as a user would have them."""

import json
import sys
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch):
    """Compute on one thread, in child processes too: on several, tiny tensors are slower."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


def save_tokenizer(folder, *, bos=False):
    tokenizers = pytest.importorskip("tokenizers")
    transformers = pytest.importorskip("transformers")
    alphabet = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    names = ["<s>", "</s>", *alphabet]
    model = tokenizers.models.BPE(vocab={name: index for index, name in enumerate(names)}, merges=[])
    tokenizer = tokenizers.Tokenizer(model)
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    if bos:
        tokenizer.post_processor = tokenizers.processors.TemplateProcessing("<s> $A", special_tokens=[("<s>", 0)])
    transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>").save_pretrained(
        folder
    )


def tiny_config(kind):
    transformers = pytest.importorskip("transformers")
    sizes = {
        "vocab_size": 258,
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 2048,
        "bos_token_id": 0,
        "eos_token_id": 1,
        "tie_word_embeddings": kind != "Llama",
    }
    if kind == "Starcoder2":
        sizes |= {"sliding_window": 24, "use_bias": True}
    return getattr(transformers, f"{kind}Config")(**sizes)


@pytest.fixture
def tiny_model(tmp_path):
    """Return a function that saves a random model of a kind and returns its folder."""

    def make(kind="Llama", seed=0, name="base") -> Path:
        torch = pytest.importorskip("torch")
        transformers = pytest.importorskip("transformers")
        torch.manual_seed(seed)
        folder = tmp_path / f"{name}-{kind}"
        model = transformers.AutoModelForCausalLM.from_config(tiny_config(kind))
        with torch.no_grad():
            for parameter in model.parameters():
                # Far from the tiny standard initialisation, so that attention and loss depend on what is seen.
                parameter.add_(torch.randn_like(parameter) * 0.1)
        model.save_pretrained(folder)
        save_tokenizer(folder)
        return folder

    return make


@pytest.fixture
def questions(tmp_path):
    """Write a small data folder of three databases in Spider's layout and return it."""
    folder = tmp_path / "data"
    folder.mkdir()
    tables, questions = [], []
    for db_id, columns in (("one", ["id", "name"]), ("two", ["id", "age", "town"]), ("three", ["id", "price"])):
        tables.append(
            {
                "db_id": db_id,
                "table_names_original": ["things"],
                "table_names": ["things"],
                "column_names_original": [[-1, "*"], *([0, column] for column in columns)],
                "column_names": [[-1, "*"], *([0, column] for column in columns)],
                "column_types": ["text", *("text" for _ in columns)],
                "primary_keys": [1],
                "foreign_keys": [],
            }
        )
        for number in range(9):
            questions.append(
                {
                    "question_id": len(questions),
                    "db_id": db_id,
                    "question": f"Which {columns[-1]} has number {number}?",
                    "evidence": "number is id" if number % 2 else "",
                    "SQL": f"SELECT {columns[-1]} FROM things WHERE id = {number}",
                }
            )
    (folder / "train.json").write_text(json.dumps(questions), encoding="utf-8")
    (folder / "train_tables.json").write_text(json.dumps(tables), encoding="utf-8")
    return folder


@pytest.fixture
def write_config(tmp_path, questions):
    """Return a function that writes a train TOML for a base folder, with further lines for its tables."""

    def write(base: Path | str, trainer="recipe", **tables: str) -> Path:
        parts = {
            "model": f'id = "tiny/model"\npath = "{base}"\nquantization = "none"\ncompute_dtype = "fp32"',
            "lora": 'r = 4\nalpha = 8\ndropout = 0.1\ntarget_modules = ["q_proj", "v_proj"]',
            "data": f'path = "{questions}"\nfraction = 1.0\nvalidation_databases = 1',
            "train": "learning_rate = 0.01\nepochs = 2\nlogging_steps = 2\nbatch_size = 2\n"
            "gradient_accumulation_steps = 2\nsave_steps = 2",
            "packing": "group_size = 2",
        }
        text = f'trainer = "{trainer}"\n'
        for name, body in parts.items():
            text += f"[{name}]\n{body}\n{tables.get(name, '')}\n"
        path = tmp_path / "tiny.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write
