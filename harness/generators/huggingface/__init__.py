"""Completions from a transformers model: hub id, folder or `.gguf`, with or without an adapter, on CPU or GPU."""

from harness.generators.huggingface.generator import HuggingFace

__all__ = ["HuggingFace"]
