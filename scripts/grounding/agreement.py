"""Does `grounded` say of names what SQLite says of them? Prints a table and every disagreement.

    python scripts/grounding/agreement.py --data DIR [--mutants 20000] [--seed 1]

SQLite compiles each statement on an empty database made from the schema. Where it refuses a name (no such table, column
or function, an ambiguous column, a column of USING that one side lacks), `grounded` agrees if the name is among its
problems; where it compiles, if there are none, double-quoted strings aside. Where SQLite refuses for another reason,
such as syntax or a misplaced aggregate, it has not spoken of names, and the statement counts for neither.
"""

import argparse
import collections
import os
import re
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import sqlglot
from corpora import Statement, answers, databases, golds, mutants

from harness.analysis.grounding import Grounding, ground
from harness.execution import SQLITE_VERSION, Executor
from harness.types import Execution

_NAMES = {
    re.compile(r"no such table: (.+)"): {"unknown_table", "wrong_scope"},
    re.compile(r"no such column: (.+)", re.DOTALL): {"unknown_column", "wrong_scope"},
    re.compile(r"no such function: (.+)"): {"unknown_function"},
    re.compile(r"ambiguous column name: (.+)", re.DOTALL): {"ambiguous"},
    re.compile(r"ambiguous reference to (.+) in USING\(\)"): {"ambiguous"},
    re.compile(r"cannot join using column (.+) - column not present in both tables"): {"unknown_column", "wrong_scope"},
}
_SILENT = {"quoted_string"}


@dataclass
class Tally:
    """The counts of one set of statements."""

    compiles: int = 0
    refused: int = 0
    other: int = 0
    agreed: int = 0
    quoted: int = 0
    disagreements: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def add(self, statement: Statement, said: Execution, *, is_new: bool) -> None:
        """Ground a statement and compare with what SQLite said of it."""
        started = time.perf_counter()
        grounding = ground(statement.sql, statement.schema)
        if is_new:
            self.seconds.append(time.perf_counter() - started)
        wanted = refused_name(said.error)
        self.quoted += any(problem.kind in _SILENT for problem in grounding.problems)
        if not said.ok and wanted is None:
            self.other += 1
            return
        self.compiles += said.ok
        self.refused += not said.ok
        if agrees(grounding, wanted):
            self.agreed += 1
        else:
            sql = " ".join(statement.sql.split())
            self.disagreements.append(
                f"{sql}\n    SQLite:   {said.error or 'compiles'}\n    grounded: {grounding.explain()}"
            )

    def row(self, name: str) -> str:
        """Return one line of the table."""
        spoken = self.compiles + self.refused
        share = f"{100 * self.agreed / spoken:.2f} %" if spoken else "-"
        numbers = (spoken + self.other, self.compiles, self.refused, self.other, self.agreed, share, self.quoted)
        return f"| {name} | {' | '.join(f'{one:,}' if isinstance(one, int) else one for one in numbers)} |"


def refused_name(error: str) -> tuple[str, set[str]] | None:
    """Return the name that SQLite refused and the kinds of problem that this can be, None for another message."""
    for pattern, kinds in _NAMES.items():
        if found := pattern.fullmatch(error):
            return found.group(1).lower(), kinds
    return None


def agrees(grounding: Grounding, wanted: tuple[str, set[str]] | None) -> bool:
    """Return whether the problems hold the refused name, or nothing where none was."""
    problems = [problem for problem in grounding.problems if problem.kind not in _SILENT]
    if wanted is None:
        return not problems
    name, kinds = wanted
    found = {problem.name.lower() for problem in problems if problem.kind in kinds}
    # Of `x.*` SQLite names x.
    return not found.isdisjoint({name, f"{name}.*"})


def compare(statements: Sequence[Statement]) -> dict[str, Tally]:
    """Ask both about every statement; the tallies by set."""
    tallies: dict[str, Tally] = collections.defaultdict(Tally)
    seen: set[tuple[str, str]] = set()
    with Executor({}, ddl=databases(statements), workers=1) as executor:
        for statement in statements:
            identity = (statement.key, statement.sql)
            said = executor.prepare(*identity)
            tallies[statement.corpus].add(statement, said, is_new=identity not in seen)
            seen.add(identity)
    return tallies


def main() -> None:
    """Print the table; leaves with 1 when less than 99.5 % agree."""
    parser = argparse.ArgumentParser(description="Compare `grounded` with SQLite's own word.")
    parser.add_argument("--data", type=Path, default=os.environ.get("T2S_SHARED_DATA"), help="folder of the data sets")
    parser.add_argument("--mutants", type=int, default=0, help="how many golds with exchanged names to add")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    if arguments.data is None:
        sys.exit("agreement: no data; name the folder with --data or T2S_SHARED_DATA")
    data = Path(arguments.data)
    written, right = list(answers(data)), list(golds(data))
    changed = mutants(written + right, arguments.mutants, arguments.seed)
    tallies = compare([*written, *right, *changed])
    print(f"SQLite {SQLITE_VERSION}, sqlglot {sqlglot.__version__}\n")
    print("| set | statements | compiles | name refused | refused otherwise | agreed | agreement | quoted_string |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|")
    for name, tally in tallies.items():
        print(tally.row(name))
    _print_disagreements(tallies)
    seconds = [1e3 * one for tally in tallies.values() for one in tally.seconds]
    tail = statistics.quantiles(seconds, n=100)[-1]
    median = statistics.median(seconds)
    print(f"\n{len(seconds):,} different statements: median {median:.2f} ms, 99 % within {tail:.2f} ms")
    spoken = sum(tally.compiles + tally.refused for tally in tallies.values())
    sys.exit(sum(tally.agreed for tally in tallies.values()) < 0.995 * spoken)


def _print_disagreements(tallies: dict[str, Tally]) -> None:
    count = sum(len(tally.disagreements) for tally in tallies.values())
    print(f"\n{count} disagreement{'' if count == 1 else 's'}{':' if count else ''}")
    for name, tally in tallies.items():
        for one in tally.disagreements:
            print(f"\n- {name}: {one}")


if __name__ == "__main__":
    main()
