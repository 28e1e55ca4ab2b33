"""How many mutants of golds are refuted, of those that the real database does not tell from the gold?

Mutants of BIRD's and Spider's dev golds are drawn one by one from all that `mutating` makes, each as likely as the
other. Those that fail or that the real database tells apart are left out; a search for a small database follows for
each of the others, and every witness is executed again in a new process. What remains is asked for a proof.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from time import monotonic

from mutating import KINDS, Mutant, mutate
from sources import Golds, holds_again, judge, keep, options

from harness.analysis.equivalence.proof import prove
from harness.analysis.mutation import refute
from harness.types import Example

Drawn = tuple[Golds, Example, Mutant]
OUTCOMES = ("refuted", "proved", "unknown")


def draw(sources: list[Golds], seed: int) -> Iterator[Drawn]:
    """Yield mutants that run and that the real database does not tell from their golds."""
    every = [(golds, one, mutant) for golds in sources for one in golds.working() for mutant in mutate(one.gold_sql)]
    Random(seed).shuffle(every)  # noqa: S311  (a draw that can be repeated)
    for golds, example, mutant in every:
        verdict = judge(golds, example, mutant.sql)
        if verdict is not None and verdict.equal:
            yield golds, example, mutant


def classify(drawn: Drawn, budget: int, seed: int) -> tuple[str, int]:
    """Return the outcome and how many databases it took; raises `AssertionError` for a witness that does not hold."""
    golds, example, mutant = drawn
    witness = refute(golds.executor, example.db_id, mutant.sql, example.gold_sql, budget, seed)
    if witness is not None:
        assert holds_again(witness, example.gold_sql, mutant.sql), (
            f"{example.question_id}: {mutant.sql}\n{witness.script}"
        )
        return "refuted", witness.databases_tried
    proof = prove(mutant.sql, example.gold_sql, golds.executor.describe(example.db_id))
    return ("proved" if proof.proved else "unknown"), budget


def table(counts: Counter[tuple[str, str]]) -> Iterator[str]:
    """Yield the lines of a Markdown table: kinds by outcomes."""
    yield "| mutant | not told apart by the real database | refuted | proved equivalent | unknown | refuted, % |"
    yield "|---|---|---|---|---|---|"
    for kind in (*KINDS, "all"):
        row = [counts[kind, outcome] for outcome in OUTCOMES]
        rate = f"{100 * row[0] / sum(row):.1f}" if sum(row) else "–"
        yield f"| {kind} | {sum(row)} | {row[0]} | {row[1]} | {row[2]} | {rate} |"


def main() -> None:
    """Measure, print the table, keep the figures."""
    parser = options(__doc__)
    parser.add_argument("--mutants", type=int, default=2000, help="how many that the real database does not tell apart")
    parser.add_argument("--budget", type=int, default=200, help="databases tried for each at most")
    parser.add_argument("--show", action="store_true", help="print what was neither refuted nor proved")
    arguments = parser.parse_args()
    started = monotonic()
    sources = [Golds.load(Path(arguments.data), name) for name in ("bird", "spider")]
    counts: Counter[tuple[str, str]] = Counter()
    tried: list[int] = []
    for number, drawn in enumerate(draw(sources, arguments.seed)):
        if number == arguments.mutants:
            break
        outcome, databases = classify(drawn, arguments.budget, arguments.seed)
        counts[drawn[2].kind, outcome] += 1
        counts["all", outcome] += 1
        if outcome == "refuted":
            tried.append(databases)
        elif outcome == "unknown" and arguments.show:
            print(f"{drawn[0].name} {drawn[1].question_id} {drawn[2].kind}: {drawn[2].change}\n  {drawn[2].sql}")
    print("\n".join(table(counts)))
    within = {size: sum(one <= size for one in tried) for size in (1, 5, 10, 20, 50, 100, 200)}
    print(f"\nrefuted within so many databases: {within}\n{monotonic() - started:.0f} s")
    figures = {f"{kind} {outcome}": count for (kind, outcome), count in counts.items()}
    keep(arguments.out, {"counts": figures, "within": within, "budget": arguments.budget, "seed": arguments.seed})


if __name__ == "__main__":
    main()
