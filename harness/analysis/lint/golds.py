"""Everything doubtful about one gold, or about the golds of a data set."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from harness.analysis.grounding import Grounding, ground
from harness.analysis.lint.bare import lint_bare_columns
from harness.analysis.lint.flags import KINDS, Flag
from harness.analysis.lint.limits import lint_limit
from harness.analysis.lint.numbers import lint_text_numbers
from harness.analysis.lint.subqueries import read_blocks
from harness.analysis.verdicts import judge_strict
from harness.execution import Executor
from harness.execution.statement import is_deterministic
from harness.types import Dataset, Example, Execution, Row, Schema, Status

__all__ = ["lint_dataset", "lint_gold"]

_TEXT = re.compile(r"'(?:[^']|'')*'")


def lint_gold(
    gold_sql: str,
    schema: Schema,
    gold: Execution,
    run: Callable[[str], Execution],
    reversed_gold: Execution | None,
) -> tuple[Flag, ...]:
    """Return what is doubtful about a gold, in the order of `KINDS`, one flag for each kind and message.

    `gold` is its execution, `run` executes further queries on the same database, `reversed_gold` is its execution
    with unordered rows reversed (None: `row_order` is not looked at). Probes that fail flag nothing.
    """
    flags = [*_lint_names(ground(gold_sql, schema)), *_lint_result(gold)]
    # Careful for the cache, `is_deterministic` finds the clock's word inside of every text, such as 'Snow'.
    if not is_deterministic(_TEXT.sub(_empty_other_texts, gold_sql)):
        flags.append(Flag("volatile", "reads the clock or draws at random: the answer does not last"))
    elif gold.ok and reversed_gold is not None and reversed_gold.ok:
        flags += _lint_order(gold_sql, gold, reversed_gold, run)
    if gold.ok:
        flags += lint_text_numbers(gold_sql, schema, run)
        for block in read_blocks(gold_sql):
            flags += lint_limit(block, gold_sql, run)
            flags += lint_bare_columns(block, run)
    return tuple(sorted(dict.fromkeys(flags), key=lambda flag: KINDS.index(flag.kind)))


def _empty_other_texts(found: re.Match[str]) -> str:
    return found.group() if found.group()[1:-1].strip().lower() == "now" else "''"


def _lint_names(grounding: Grounding) -> Iterator[Flag]:
    yield from (Flag("not_grounded", str(problem)) for problem in grounding.problems)


def _lint_result(gold: Execution) -> Iterator[Flag]:
    if gold.status is Status.TIMEOUT:
        yield Flag("timeout", gold.error)
    elif not gold.ok:
        yield Flag("fails", gold.error)
    elif not gold.rows:
        yield Flag("empty", "returns no row")
    elif all(cell is None for row in gold.rows for cell in row):
        yield Flag("only_null", "returns nothing but NULL")


def _lint_order(
    gold_sql: str, gold: Execution, reversed_gold: Execution, run: Callable[[str], Execution]
) -> Iterator[Flag]:
    verdict = judge_strict(gold_sql, gold, reversed_gold, run)
    if verdict.equal:
        return
    if _round(gold.rows) == _round(reversed_gold.rows):
        yield Flag("float_order", "read backwards, its result differs in the last digits of a floating-point number")
    else:
        yield Flag("row_order", f"read backwards, its result differs: {verdict.cause}")


def _round(rows: Sequence[Row]) -> Counter[Row]:
    return Counter(tuple(float(f"{cell:.9g}") if isinstance(cell, float) else cell for cell in row) for row in rows)


def lint_dataset(dataset: Dataset, executor: Executor) -> Iterator[tuple[Example, tuple[Flag, ...]]]:
    """Yield every example whose database is there, with the flags of all its golds."""
    for example in dataset.examples:
        if example.db_id not in dataset.databases:
            continue
        flags: list[Flag] = []
        for gold_sql in example.golds:
            flags += _lint_example_gold(gold_sql, example.db_id, dataset.schemas[example.db_id], executor)
        yield example, tuple(flags)


def _lint_example_gold(gold_sql: str, db_id: str, schema: Schema, executor: Executor) -> tuple[Flag, ...]:
    return lint_gold(
        gold_sql,
        schema,
        executor.execute(db_id, gold_sql),
        lambda sql: executor.execute(db_id, sql),
        executor.execute_reversed(db_id, gold_sql),
    )
