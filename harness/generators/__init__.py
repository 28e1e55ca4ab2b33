"""Back ends that write completions, by name: one literal table, read when a name is asked for."""

from collections.abc import Mapping

__all__ = ["GENERATORS"]

GENERATORS: Mapping[str, str] = {
    "endpoint": "harness.generators.endpoint:Endpoint",
    "huggingface": "harness.generators.huggingface:HuggingFace",
    "replay": "harness.generators.replay:Replay",
    "vllm": "harness.generators.vllm:VLLM",
}
