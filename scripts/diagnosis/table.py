"""Why answers are wrong, run beside run: a Markdown table of diagnoses, whose columns sum to n.

python scripts/diagnosis/table.py RUN… [--slice difficulty=challenging] [--all]
"""

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from harness import store
from harness.diagnosis import DIAGNOSES
from harness.errors import DataError, T2SError, UsageError
from harness.types import Record, Run


def main() -> int:
    """Print one table for all runs; exit code 2 where a run holds no diagnoses."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="folder that `t2s eval` or `t2s score` wrote")
    parser.add_argument("--slice", default="", help="only the records with this value, e.g. db_id=superhero")
    parser.add_argument("--all", action="store_true", help="also the labels that no run has")
    arguments = parser.parse_args()
    try:
        runs = [store.load(path) for path in arguments.runs]
        counts = [count_diagnoses(run, arguments.slice) for run in runs]
    except T2SError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print_table([run.name for run in runs], counts, whole=arguments.all)
    return 0


def count_diagnoses(run: Run, only: str) -> Counter[str]:
    """Count the labels of a run's records; raises `DataError` for a record without one of `DIAGNOSES`."""
    records = [record for record in run.records if _is_in(record, only)]
    strange = [record.question_id for record in records if record.diagnosis not in DIAGNOSES]
    if strange or not records:
        what = f"{len(strange)} of {len(records)} records have no known diagnosis" if strange else "no such records"
        raise DataError(f"{run.path}: {what}; score the answers again, with metrics that execute them")
    return Counter(str(record.diagnosis) for record in records)


def _is_in(record: Record, only: str) -> bool:
    if not only:
        return True
    name, equals, value = only.partition("=")
    if not equals or name not in ("difficulty", "db_id", "status"):
        raise UsageError(f"--slice {only}: not understood; write difficulty=…, db_id=… or status=…")
    return str(getattr(record, name)) == value


def print_table(names: Sequence[str], counts: Sequence[Counter[str]], *, whole: bool) -> None:
    """Print the labels in their order with number and percentage for each run, and n."""
    print(f"| diagnosis | {' | '.join(f'{name} | %' for name in names)} |")
    print(f"|---|{'---:|---:|' * len(names)}")
    for label in DIAGNOSES:
        if whole or any(count[label] for count in counts):
            cells = [f"{count[label]:,} | {100 * count[label] / count.total():.1f}" for count in counts]
            print(f"| `{label}` | {' | '.join(cells)} |")
    print(f"| **n** | {' | '.join(f'**{count.total():,}** | 100.0' for count in counts)} |")


if __name__ == "__main__":
    sys.exit(main())
