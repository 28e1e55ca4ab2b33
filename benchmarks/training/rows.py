"""The examples that all stacks train on, tokenised once: whole groups of eight questions on one schema.

`python rows.py --data DIR --model DIR --examples 512 --out rows.json`. The tokeniser is the model's; for other models
the ids are taken modulo their vocabulary, which is right for speed and memory and for nothing else.
"""

import argparse
import json
import random
from pathlib import Path

from harness.models import load_tokenizer, resolve
from trainer.base import Row
from trainer.config import load
from trainer.job import prepare
from trainer.models import make_encoder
from trainer.schedule import group_rows

GROUP = 8


def main() -> None:
    """Write the rows of one benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--examples", type=int, default=512)
    parser.add_argument("--out", type=Path, required=True)
    wanted = parser.parse_args()
    whole = ["data.fraction=1.0", "data.validation_databases=0", "data.evaluation=[]"]
    config = load("qwen", [f"data.path={wanted.data}", *whole])
    encoder = make_encoder(load_tokenizer(resolve(wanted.model, hub_id=config.model.id)))
    rows = list(prepare(config, encoder, 0).train.rows)
    order = random.Random(0)
    order.shuffle(rows)
    groups = [group for group in group_rows(rows, GROUP) if len(group) == GROUP]
    order.shuffle(groups)
    chosen = [row for group in groups[: wanted.examples // GROUP] for row in group]
    wanted.out.write_text(json.dumps([_plain(row) for row in chosen]))
    tokens = sum(row.tokens for row in chosen)
    print(f"{len(chosen)} examples, {tokens} tokens, the longest {max(row.tokens for row in chosen)}")


def _plain(row: Row) -> list[object]:
    return [row.question_id, row.db_id, list(row.prefix_ids), list(row.suffix_ids), list(row.target_ids)]


if __name__ == "__main__":
    main()
