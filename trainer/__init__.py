"""Make adapters that the harness can score: QLoRA on one small graphics card."""
