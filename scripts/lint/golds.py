"""What is doubtful about the golds of a data set: a table of counts, and every flag with its question.

python scripts/lint/golds.py --data DIR [--split dev] [--all]
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from harness import datasets
from harness.analysis.lint import KINDS, Flag, lint_dataset
from harness.errors import T2SError
from harness.execution import Executor, Limits
from harness.types import Example

Linted = tuple[Example, tuple[Flag, ...]]
_EXAMPLES = 3


def main() -> int:
    """Lint one split and print Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="data folder, as for `t2s score --data`")
    parser.add_argument("--split", default="dev")
    parser.add_argument("--timeout-s", type=float, default=30.0, help="limit of each statement")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--limit", type=int, default=None, help="the first questions only")
    parser.add_argument("--all", action="store_true", help="list every flag under the table")
    arguments = parser.parse_args()
    try:
        dataset = datasets.load(Path(arguments.data), arguments.split, limit=arguments.limit)
        limits = Limits(timeout_s=arguments.timeout_s)
        with Executor(dataset.databases, limits=limits, workers=arguments.workers) as executor:
            linted = list(lint_dataset(dataset, executor))
    except T2SError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print_counts(f"{dataset.name} {dataset.split}", linted)
    if arguments.all:
        print_flags(linted)
    return 0


def print_counts(title: str, linted: Sequence[Linted]) -> None:
    """Print how many questions have flags of each kind."""
    flagged = sum(bool(flags) for _, flags in linted)
    print(f"| flag | questions of {title} ({len(linted)}) | for example |\n|---|---:|---|")
    for kind in KINDS:
        ids = [str(example.question_id) for example, flags in linted if any(flag.kind == kind for flag in flags)]
        print(f"| `{kind}` | {len(ids)} | {', '.join(ids[:_EXAMPLES])} |")
    print(f"| any | {flagged} | |")


def print_flags(linted: Sequence[Linted]) -> None:
    """Print every flag, kind by kind."""
    for kind in KINDS:
        found = [(example, flag) for example, flags in linted for flag in flags if flag.kind == kind]
        if found:
            print(f"\n## {kind}\n")
        for example, flag in found:
            print(f"- {example.question_id} ({example.db_id}): {flag.message}")


if __name__ == "__main__":
    sys.exit(main())
