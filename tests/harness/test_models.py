import os

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from harness import models  # noqa: E402
from harness.errors import ModelError  # noqa: E402
from harness.quantization import bnb_config, quantize  # noqa: E402

pytestmark = [pytest.mark.torch, pytest.mark.filterwarnings("ignore::FutureWarning:transformers")]


def save_tokenizer(folder, *, bos=False, template=None):
    tokenizers = pytest.importorskip("tokenizers")
    names = ["<s>", "</s>", *sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())]
    tokenizer = tokenizers.Tokenizer(
        tokenizers.models.BPE(vocab={name: index for index, name in enumerate(names)}, merges=[])
    )
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    if bos:
        tokenizer.post_processor = tokenizers.processors.TemplateProcessing("<s> $A", special_tokens=[("<s>", 0)])
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>")
    fast.chat_template = template
    fast.save_pretrained(folder)


@pytest.fixture
def folder(tmp_path):
    torch.manual_seed(0)
    config = transformers.Starcoder2Config(
        vocab_size=258,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=256,
        bos_token_id=0,
        eos_token_id=1,
    )
    model = transformers.AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    model.save_pretrained(tmp_path / "base")
    save_tokenizer(tmp_path / "base")
    return tmp_path / "base"


def test_a_hub_id_is_no_path():
    weights = models.resolve("org/name")
    assert (weights.path, weights.hub_id, weights.source, weights.sha256) == (None, "org/name", "org/name", None)


def test_a_folder_carries_the_hash_of_its_weights_and_the_id_it_stands_for(folder):
    weights = models.resolve(str(folder), hub_id="org/name")
    assert weights.hub_id == "org/name"
    assert weights.source == str(folder)
    assert weights.gguf_file is None
    assert len(weights.sha256) == 64


def test_a_gguf_file_is_named_itself_or_by_its_folder(tmp_path):
    file = tmp_path / "model.gguf"
    file.write_bytes(b"GGUF")
    for ref in (file, tmp_path):
        weights = models.resolve(str(ref), hub_id="org/name")
        assert (weights.path, weights.gguf_file, weights.source) == (file, "model.gguf", str(tmp_path))


@pytest.mark.parametrize("ref", ["/nowhere/model", "nowhere.gguf", "./nowhere/x", "a/b/c", "name"])
def test_a_path_to_nothing_says_so(ref):
    with pytest.raises(ModelError, match="no such file or folder"):
        models.resolve(ref)


def test_a_folder_without_a_model_says_what_is_missing(tmp_path):
    with pytest.raises(ModelError, match=r"config\.json"):
        models.resolve(str(tmp_path))


def test_a_broken_gguf_file_is_a_model_error(tmp_path):
    (tmp_path / "model.gguf").write_bytes(b"this is no GGUF file")
    with pytest.raises(ModelError, match="cannot be loaded"):
        models.load_tokenizer(models.resolve(str(tmp_path / "model.gguf")))


def test_the_tokeniser_pads_on_the_left_without_growing(folder):
    tokenizer = models.load_tokenizer(models.resolve(str(folder)))
    assert (tokenizer.pad_token, tokenizer.padding_side, len(tokenizer)) == ("</s>", "left", 258)


def test_tokens_are_counted_without_special_ones(folder):
    assert models.count_tokens(models.load_tokenizer(models.resolve(str(folder))), "SELECT 1") == 8


@pytest.mark.parametrize("bos", [False, True])
def test_a_bos_stands_at_the_start_where_the_tokeniser_adds_one(tmp_path, folder, bos):
    save_tokenizer(folder, bos=bos)
    tokenizer = models.load_tokenizer(models.resolve(str(folder)))
    plain = models.encode(tokenizer, "SELECT", start=False)
    assert len(plain) == 6
    assert models.encode(tokenizer, "SELECT", start=True) == ([0] if bos else []) + plain
    assert models.encode(tokenizer, "<s>SELECT", start=True) == [0, *plain]


def test_a_chat_template_ends_where_the_model_answers(folder):
    template = "{% for m in messages %}[{{ m.content }}]{% endfor %}{% if add_generation_prompt %}>{% endif %}"
    save_tokenizer(folder, template=template)
    assert models.chat_text(models.load_tokenizer(models.resolve(str(folder))), "hi") == "[hi]>"


def test_a_model_without_a_chat_template_says_what_to_use(folder):
    with pytest.raises(ModelError, match="plain"):
        models.chat_text(models.load_tokenizer(models.resolve(str(folder))), "hi")


@pytest.mark.parametrize(
    ("precision", "dtype"), [("fp32", torch.float32), ("bf16", torch.bfloat16), ("fp16", torch.float16)]
)
def test_a_precision_is_the_type_of_the_weights(folder, precision, dtype):
    model = models.load_model(models.resolve(str(folder)), precision=precision, device="cpu")
    assert {parameter.dtype for parameter in model.parameters()} == {dtype}
    assert not model.training


def test_auto_on_the_cpu_is_fp32(folder):
    model = models.load_model(models.resolve(str(folder)), device="cpu")
    assert model.dtype is torch.float32


@pytest.mark.parametrize("precision", ["nf4", "fp4"])
def test_all_linear_layers_but_the_head_are_quantised(folder, precision):
    bnb = pytest.importorskip("bitsandbytes")
    model = models.load_model(models.resolve(str(folder)), precision=precision, device="cpu")
    kinds = {name: type(one) for name, one in model.named_modules() if isinstance(one, torch.nn.Linear)}
    assert kinds.pop("lm_head") is torch.nn.Linear
    assert len(kinds) == 12
    assert set(kinds.values()) == {bnb.nn.Linear4bit}
    layer = model.model.layers[0].mlp.c_fc
    assert layer.weight.quant_type == precision
    assert layer.weight.quant_state.nested
    assert model.is_loaded_in_4bit


def test_quantising_by_hand_equals_quantising_while_loading(folder):
    # The weights of a GGUF file take the first way, those of a folder the second.
    pytest.importorskip("bitsandbytes")
    weights, device = models.resolve(str(folder)), torch.device("cpu")
    loaded = models.load_model(weights, precision="nf4", device="cpu")
    by_hand = models._load_dense(weights, torch.float32)
    quantize(by_hand, bnb_config("nf4", torch.float32, double_quant=True), device)
    ids = torch.arange(2, 30)[None]
    with torch.inference_mode():
        first, second = (model(input_ids=ids).logits for model in (loaded, by_hand.eval()))
        dense = models.load_model(weights, precision="fp32", device="cpu")(input_ids=ids).logits
    assert torch.equal(first, second)
    assert 0 < float((first - dense).norm() / dense.norm()) < 0.5


def test_an_adapter_that_is_not_there_is_a_model_error(folder, tmp_path):
    pytest.importorskip("peft")
    with pytest.raises(ModelError, match=r"adapter_config\.json"):
        models.load_model(models.resolve(str(folder)), device="cpu", adapter=tmp_path)


def test_an_adapter_of_another_shape_is_a_model_error(folder, tmp_path):
    peft = pytest.importorskip("peft")
    base = models.load_model(models.resolve(str(folder), hub_id="org/name"), device="cpu")
    adapted = peft.get_peft_model(base, peft.LoraConfig(r=2, target_modules=["q_proj"], task_type="CAUSAL_LM"))
    adapted.save_pretrained(tmp_path / "adapter", save_embedding_layers=False)
    text = (tmp_path / "adapter" / "adapter_config.json").read_text()
    assert '"base_model_name_or_path": "org/name"' in text
    (tmp_path / "adapter" / "adapter_config.json").write_text(text.replace('"r": 2', '"r": 3'))
    with pytest.raises(ModelError, match="does not fit"):
        models.load_model(models.resolve(str(folder)), device="cpu", adapter=tmp_path / "adapter")


def test_a_gpu_that_is_not_there_is_a_model_error(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ModelError, match="no CUDA device"):
        models.choose_device("cuda")


def test_an_unknown_dtype_lists_the_known_ones():
    with pytest.raises(ModelError, match="bf16, fp16, fp32"):
        models.choose_dtype("int8", torch.device("cpu"))


@pytest.mark.skipif("T2S_TEST_GGUF" not in os.environ, reason="T2S_TEST_GGUF names no .gguf file")
def test_a_real_gguf_model_speaks_sense():
    weights = models.resolve(os.environ["T2S_TEST_GGUF"])
    tokenizer, model = models.load_tokenizer(weights), models.load_model(weights, device="cpu")
    ids = torch.tensor([models.encode(tokenizer, "The capital of France is", start=True)])
    written = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=4, do_sample=False)
    assert "Paris" in tokenizer.decode(written[0])
