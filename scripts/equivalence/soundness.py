"""Is anything *proved* that a database tells apart?

All answers of six published systems against their golds, rewrites of BIRD's and Spider's dev golds, some of which
only look as if they kept the meaning, and mutants of them, most of which don't keep it. Whatever is proved must be
equal on the real database, and on mutated ones, where even a difference by chance (order of rows, rounding) counts.
Contradictions are printed with their witnesses.
"""

import sys
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from random import Random
from time import monotonic

from mutating import mutate
from published import systems
from rewriting import rewrite
from sources import Golds, judge, keep, options

from harness.analysis.equivalence.proof import prove
from harness.analysis.mutation.search import Search, look
from harness.types import Example

Pair = tuple[Golds, Example, str, tuple[str, ...]]


def rewritten(sources: list[Golds], wanted: int, seed: int) -> Iterator[Pair]:
    """Yield about `wanted` different rewrites, as many for each gold."""
    examples = [(golds, example) for golds in sources for example in golds.working()]
    random = Random(seed)  # noqa: S311  (a draw that can be repeated)
    streams = [(golds, example, rewrite(example.gold_sql, random), {example.gold_sql}) for golds, example in examples]
    made = 0
    while made < wanted and streams:
        random.shuffle(streams)
        for golds, example, stream, seen in list(streams):
            fresh = next((one for one in islice(stream, 20) if one.sql not in seen), None)
            if fresh is None or made == wanted:
                streams.remove((golds, example, stream, seen))
                continue
            seen.add(fresh.sql)
            made += 1
            yield golds, example, fresh.sql, fresh.rules


def answered(golds: Golds, data: Path) -> Iterator[Pair]:
    """Yield the systems' answers."""
    for system, answers in systems(data).items():
        for example in golds.dataset.examples:
            if int(example.question_id) in answers:
                yield golds, example, answers[int(example.question_id)], (system,)


def mutated(sources: list[Golds], wanted: int, seed: int) -> Iterator[Pair]:
    """Yield `wanted` mutants, told apart by the real database or not."""
    examples = [(golds, example) for golds in sources for example in golds.working()]
    every = [(*place, mutant.sql, (mutant.kind,)) for place in examples for mutant in mutate(place[1].gold_sql)]
    Random(seed).shuffle(every)  # noqa: S311  (a draw that can be repeated)
    yield from every[:wanted]


def check(pair: Pair, budget: int, seed: int) -> tuple[str, str]:
    """Return what became of a pair, and the contradiction if it is one."""
    golds, example, sql, _rules = pair
    if not prove(sql, example.gold_sql, golds.executor.describe(example.db_id)).proved:
        return "not proved", ""
    gold = golds.executor.execute(example.db_id, example.gold_sql)
    predicted = golds.executor.execute(example.db_id, sql)
    verdict = judge(golds, example, sql)
    if verdict is None and gold.ok and predicted.status == "error":
        return "contradiction", f"-- on the real database {example.db_id}: {predicted.error}"
    if verdict is not None and not verdict.equal:
        return "contradiction", f"-- on the real database {example.db_id}: {verdict.cause}"
    search = Search(budget, seed, lenient=True)
    witness = look(golds.executor, example.db_id, (sql, example.gold_sql), search)
    if witness is None:
        return "proved", ""
    results = f"-- gold: {witness.gold.rows[:5]}\n-- predicted: {witness.predicted.rows[:5]} {witness.predicted.error}"
    return "contradiction", f"{witness.script}-- {witness.cause}\n{results}"


def report(pair: Pair, contradiction: str, folder: Path | None, number: int) -> None:
    """Print a contradiction, and write it to a file of its own where a folder is given."""
    _golds, example, sql, rules = pair
    text = f"{contradiction}\n-- gold {example.question_id}:\n{example.gold_sql}\n-- {', '.join(rules)}:\n{sql}\n"
    print(f"CONTRADICTION {number}\n{text}", flush=True)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number:03}.txt").write_text(text)


def main() -> None:
    """Check every pair; leave with 1 when there is a contradiction."""
    parser = options(__doc__)
    parser.add_argument("--pairs", type=int, default=20_000, help="rewrites to make")
    parser.add_argument("--mutants", type=int, default=10_000, help="mutants to make")
    parser.add_argument("--budget", type=int, default=25, help="mutated databases for each proved pair")
    parser.add_argument("--found", type=Path, help="a folder for contradictions, one file each")
    arguments = parser.parse_args()
    started, data = monotonic(), Path(arguments.data)
    counts: Counter[tuple[str, str]] = Counter()
    rules: Counter[str] = Counter()
    sources = [Golds.load(data, name) for name in ("bird", "spider")]
    pairs = {
        "answers": answered(Golds.load(data, "bird", "mini_dev"), data),
        "rewrites": rewritten(sources, arguments.pairs, arguments.seed),
        "mutants": mutated(sources, arguments.mutants, arguments.seed),
    }
    number = 0
    for kind, stream in pairs.items():
        for done, pair in enumerate(stream):
            if done % 1000 == 0:
                print(f"{kind}: {done:,} done, {monotonic() - started:.0f} s", file=sys.stderr, flush=True)
            outcome, contradiction = check(pair, arguments.budget, arguments.seed)
            counts[kind, outcome] += 1
            if outcome == "proved" and kind == "rewrites":
                rules.update(set(pair[3]))
            if contradiction:
                number += 1
                report(pair, contradiction, arguments.found, number)
    for (kind, outcome), count in sorted(counts.items()):
        print(f"{kind}: {outcome}: {count}")
    print("proved, by rewrite: " + ", ".join(f"{rule} {count}" for rule, count in rules.most_common()))
    print(f"{monotonic() - started:.0f} s")
    figures = {f"{kind}, {outcome}": count for (kind, outcome), count in counts.items()}
    keep(
        arguments.out,
        {"counts": figures, "proved_by_rewrite": rules, "budget": arguments.budget, "seed": arguments.seed},
    )
    sys.exit(1 if number else 0)


if __name__ == "__main__":
    main()
