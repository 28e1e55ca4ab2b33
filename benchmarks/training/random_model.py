"""A model of the true shape with random weights, in bf16: right for speed and memory, and for nothing else.

`python random_model.py SHAPE --out DIR`, with SHAPE one of qwen, falcon, starcoder2: their published configurations.
The tokeniser beside it knows one word: libraries insist on one, and `rows.py` has the tokens already.
"""

import argparse
from pathlib import Path

import tokenizers
import torch
import transformers

SHAPES = {
    "qwen": transformers.Qwen2Config(
        vocab_size=151936,
        hidden_size=1536,
        intermediate_size=8960,
        num_hidden_layers=28,
        num_attention_heads=12,
        num_key_value_heads=2,
        max_position_embeddings=32768,
        rms_norm_eps=1e-6,
        rope_parameters={"rope_type": "default", "rope_theta": 1e6},
        tie_word_embeddings=True,
    ),
    "falcon": transformers.LlamaConfig(
        vocab_size=131072,
        hidden_size=2048,
        intermediate_size=8192,
        num_hidden_layers=18,
        num_attention_heads=8,
        num_key_value_heads=4,
        head_dim=256,
        max_position_embeddings=4096,
        rms_norm_eps=1e-6,
        rope_parameters={"rope_type": "default", "rope_theta": 1000042.0},
        tie_word_embeddings=False,
    ),
    "starcoder2": transformers.Starcoder2Config(
        vocab_size=49152,
        hidden_size=3072,
        intermediate_size=12288,
        num_hidden_layers=30,
        num_attention_heads=24,
        num_key_value_heads=2,
        max_position_embeddings=16384,
        sliding_window=4096,
        norm_epsilon=1e-5,
        rope_parameters={"rope_type": "default", "rope_theta": 999999.4420358813},
        use_bias=True,
        tie_word_embeddings=True,
    ),
}


def main() -> None:
    """Write the model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shape", choices=tuple(SHAPES))
    parser.add_argument("--out", type=Path, required=True)
    wanted = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    with device:
        model = transformers.AutoModelForCausalLM.from_config(SHAPES[wanted.shape], dtype=torch.bfloat16)
    model.save_pretrained(wanted.out)
    words = tokenizers.Tokenizer(tokenizers.models.WordLevel({"<end>": 0}, unk_token="<end>"))
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=words, eos_token="<end>", pad_token="<end>")
    tokenizer.save_pretrained(wanted.out)
    print(f"{wanted.out}: {sum(one.numel() for one in model.parameters()):,} parameters")


if __name__ == "__main__":
    main()
