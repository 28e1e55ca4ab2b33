"""The case study's own experiment: valid SQL on questions held out of BIRD's filtered training set.

    python scripts/experiments/case_study.py --data BIRD_TRAIN --out case-study --minutes 8 --set model=MODEL

The base model, the reference recipe after 3 epochs and after 5, with the case study's own prompt (template
`reference`: question and evidence, no schema). Whole databases are held out, written as a data folder of their own and
left out of the training by the leakage check; the case study held single questions out. What is measured is the last
epoch, whichever was the best. Answers are taken whole, as its notebook took them.
"""

import argparse
import json
import random
import sys
from pathlib import Path

from running import Evaluation, Session, Training, add_arguments, percent, print_table

METRICS = ("valid_sql_raw", "valid_sql", "prepares", "grounded")
EPOCHS = (3, 5)
PUBLISHED = {"base": 0.19, "epochs-3": 89.02, "epochs-5": 96.52}
"""Valid SQL in percent: before the training, after three epochs, and after more."""
COLUMNS = ("model", "steps", "loss", "validation", *METRICS, "case study", "training s")


def hold_out(data: Path, folder: Path, share: float, seed: int) -> int:
    """Write the questions of a share of the databases as split `dev` of a folder; return how many there are."""
    questions = json.loads((data / "train.json").read_text())
    databases = sorted({one["db_id"] for one in questions})
    chosen = set(random.Random(seed).sample(databases, max(1, round(share * len(databases)))))  # noqa: S311 - no secret
    held_out = [{"question_id": number, **one} for number, one in enumerate(questions) if one["db_id"] in chosen]
    tables = [one for one in json.loads((data / "train_tables.json").read_text()) if one["db_id"] in chosen]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "dev.json").write_text(json.dumps(held_out, ensure_ascii=False, indent=1))
    (folder / "dev_tables.json").write_text(json.dumps(tables, ensure_ascii=False))
    return len(held_out)


def main() -> None:
    """Run what is not finished and print the table; leaves with 1 while something is missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    parser.add_argument("--data", type=Path, required=True, help="the training set, with train_tables.json")
    parser.add_argument("--share", type=float, default=0.1, help="of the databases, to hold out")
    parser.add_argument("--seed", type=int, default=42)
    arguments = parser.parse_args()
    folder = arguments.out / "held-out"
    count = hold_out(arguments.data, folder, arguments.share, arguments.seed)
    settings = (
        f"data.path={arguments.data}",
        f'data.evaluation=["{folder}"]',
        'data.leakage="exclude"',
        "prompt.template=reference",
        "train.keep_best=false",
        *arguments.settings,
    )
    rows = [
        Training("base", arguments.preset, settings, base_only=True),
        *(
            Training(f"epochs-{epochs}", arguments.preset, (*settings, f"train.epochs={epochs}"), float(epochs))
            for epochs in EPOCHS
        ),
    ]
    session = Session(arguments)
    if arguments.list:
        for row in rows:
            print(f"{'done' if row.name in session.results else 'to do':6} {row.name:10} {' '.join(row.settings)}")
        return
    whole = ("generator.stop_early=false", *arguments.eval_set)
    asked = Evaluation(str(folder), "dev", METRICS, arguments.precision, arguments.limit, whole)
    finished = session.run(rows, asked)
    done = {row.name: session.results[row.name] for row in rows if row.name in session.results}
    lines = [
        [
            *(name, one["steps"], one.get("loss"), one.get("eval_loss")),
            *(percent(one, metric) for metric in METRICS),
            *(f"{PUBLISHED[name]:.2f}", one.get("time_s")),
        ]
        for name, one in done.items()
    ]
    print_table(arguments.out / "table.md", COLUMNS, lines, [f"{count} questions are held out."])
    sys.exit(not finished)


if __name__ == "__main__":
    main()
