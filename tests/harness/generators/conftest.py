"""Tiny models with random weights, whose tokens are words; torch is imported only where one is asked for."""

import pytest

WORDS = ["<end>", "SELECT", "a", "b", "FROM", "t", ";", "WHERE", "=", "'x", "y'", "1", "Q", "\n"]
SIZES = {
    "vocab_size": len(WORDS),
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "eos_token_id": 0,
    "bos_token_id": None,
    "initializer_range": 0.5,
}


@pytest.fixture(scope="session")
def make_model(tmp_path_factory):
    """Return a function that saves a model of a kind (`Llama`, `Qwen2`…) and returns its folder."""
    transformers = pytest.importorskip("transformers")
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)  # these models are so small that threads only wait for each other

    def make(kind="Llama", **sizes):
        path = tmp_path_factory.mktemp("model")
        word_tokenizer().save_pretrained(path)
        torch.manual_seed(0)
        config = getattr(transformers, f"{kind}Config")(**{**SIZES, **sizes})
        getattr(transformers, f"{kind}ForCausalLM")(config).save_pretrained(path)
        return path

    return make


@pytest.fixture(scope="session")
def folder(make_model):
    return make_model()


@pytest.fixture(scope="session")
def make_generator():
    """Return a function that opens a model of `make_model` on the CPU."""
    from harness.generators.huggingface import HuggingFace  # noqa: PLC0415 - needs torch

    def make(folder, **options):
        options = {"precision": "fp32", "device": "cpu", "max_new_tokens": 12, **options}
        generator = HuggingFace(str(folder), **options)
        # For some kinds of model transformers would insist on their own tokeniser.
        vars(generator)["tokenizer"] = word_tokenizer()
        return generator

    return make


def word_tokenizer():
    """Return a tokeniser of words, padding on the left."""
    tokenizers = pytest.importorskip("tokenizers")
    transformers = pytest.importorskip("transformers")
    vocabulary = {word: index for index, word in enumerate(WORDS)}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, unk_token="<end>"))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<end>")
    fast.pad_token, fast.padding_side = fast.eos_token, "left"
    return fast
