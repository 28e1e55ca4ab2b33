"""What a data set looks like: lengths, evidence, SQL features, before and after sampling side by side."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from harness.datasets.sampling import BUCKETS, evidence_bucket, sample
from harness.types import Example, Schema

__all__ = ["FEATURES", "sql_features", "statistics"]

FEATURES = (
    "join",
    "nesting",
    "aggregate",
    "group_by",
    "having",
    "order_by",
    "limit",
    "set_operation",
    "window",
    "case",
    "cte",
    "distinct",
    "unparsed",
)
"""What is counted in gold SQL; `unparsed` are golds that sqlglot's SQLite dialect does not read."""
_QUANTILES = {"p5": 0.05, "p25": 0.25, "median": 0.5, "p75": 0.75, "p95": 0.95}


@dataclass(frozen=True)
class _Profiled:
    """An example and the features of its gold SQL, which are parsed once."""

    example: Example
    features: Mapping[str, int]


def statistics(
    examples: Sequence[Example], schemas: Mapping[str, Schema], *, fraction: float, seed: int
) -> dict[str, Any]:
    """Describe `examples` and a sample of them (see `sampling.sample`) as plain, JSON-ready values.

    Lengths are in characters and in words (white space separates); shares are fractions of the questions. Raises
    `UsageError` for a fraction outside (0, 1].
    """
    kept = sample(examples, fraction, seed)
    features = {sql: sql_features(sql) for sql in {example.gold_sql for example in examples}}
    return {
        "fraction": fraction,
        "seed": seed,
        "schemas": _describe_schemas(schemas),
        "before": _describe([_Profiled(example, features[example.gold_sql]) for example in examples]),
        "after": _describe([_Profiled(example, features[example.gold_sql]) for example in kept]),
    }


def sql_features(sql: str) -> dict[str, int]:
    """Count the `FEATURES` in one statement; `nesting` is the number of SELECTs inside another's expression."""
    import sqlglot  # noqa: PLC0415 - half a second of start-up that only this needs
    from sqlglot import exp  # noqa: PLC0415

    try:
        tree = sqlglot.parse_one(sql, read="sqlite")
    except sqlglot.errors.SqlglotError:
        return {"unparsed": 1}
    kinds: Mapping[str, tuple[type, ...]] = {
        "join": (exp.Join,),
        "aggregate": (exp.AggFunc,),
        "group_by": (exp.Group,),
        "having": (exp.Having,),
        "order_by": (exp.Order,),
        "limit": (exp.Limit,),
        "set_operation": (exp.SetOperation,),
        "window": (exp.Window,),
        "case": (exp.Case, exp.If),
        "cte": (exp.CTE,),
        "distinct": (exp.Distinct,),
    }
    nodes = list(tree.walk())
    # `CASE WHEN` holds an `If` for each branch: only an IF or IIF of its own counts.
    branches = {id(branch) for node in nodes if isinstance(node, exp.Case) for branch in node.args.get("ifs", ())}
    found = {
        name: sum(isinstance(node, kind) and id(node) not in branches for node in nodes) for name, kind in kinds.items()
    }
    found["nesting"] = sum(isinstance(node, exp.Select) and _is_nested(node) for node in nodes)
    return {name: count for name, count in found.items() if count}


def _is_nested(select: Any) -> bool:
    from sqlglot import exp  # noqa: PLC0415

    parent = select.parent
    while isinstance(parent, exp.SetOperation):
        parent = parent.parent
    return parent is not None and not isinstance(parent, exp.CTE)


def _describe(profiled: Sequence[_Profiled]) -> dict[str, Any]:
    examples = [one.example for one in profiled]
    buckets = Counter(evidence_bucket(example.evidence) for example in examples)
    features = Counter(name for one in profiled for name in one.features)
    return {
        "questions": len(examples),
        "databases": len({example.db_id for example in examples}),
        "evidence_present": _share(sum(bool(example.evidence.strip()) for example in examples), len(examples)),
        "lengths": {
            "question": _lengths([example.question for example in examples]),
            "evidence": _lengths([example.evidence for example in examples]),
            "sql": _lengths([example.gold_sql for example in examples]),
        },
        "evidence_buckets": {name: _counted(buckets[name], len(examples)) for name in BUCKETS},
        "sql_features": {name: _counted(features[name], len(examples)) for name in FEATURES},
        "joins": _distribution([one.features.get("join", 0) for one in profiled]),
        "by_database": _grouped(profiled, lambda example: example.db_id),
        "by_difficulty": _grouped(profiled, lambda example: example.difficulty or "(none)"),
    }


def _describe_schemas(schemas: Mapping[str, Schema]) -> dict[str, Any]:
    return {
        "databases": len(schemas),
        "tables": _distribution([len(schema.tables) for schema in schemas.values()]),
        "columns": _distribution([sum(len(table.columns) for table in schema.tables) for schema in schemas.values()]),
        "foreign_keys": _distribution([len(schema.foreign_keys) for schema in schemas.values()]),
    }


def _grouped(profiled: Sequence[_Profiled], key: Callable[[Example], str]) -> dict[str, Any]:
    groups: dict[str, list[_Profiled]] = {}
    for one in profiled:
        groups.setdefault(key(one.example), []).append(one)
    return {
        name: {
            **_counted(len(members), len(profiled)),
            "evidence_present": _share(sum(bool(one.example.evidence.strip()) for one in members), len(members)),
            "sql_words_mean": round(fmean(len(one.example.gold_sql.split()) for one in members), 2),
        }
        for name, members in sorted(groups.items())
    }


def _lengths(texts: Sequence[str]) -> dict[str, Any]:
    return {
        "characters": _distribution([len(text) for text in texts]),
        "words": _distribution([len(text.split()) for text in texts]),
    }


def _distribution(values: Iterable[int]) -> dict[str, float]:
    """Return mean, extremes and quantiles (linear between the neighbours); zeros for no values."""
    ordered = sorted(values) or [0]
    quantiles = {name: round(_quantile(ordered, level), 2) for name, level in _QUANTILES.items()}
    return {"mean": round(fmean(ordered), 2), "min": ordered[0], **quantiles, "max": ordered[-1]}


def _quantile(ordered: Sequence[int], level: float) -> float:
    place = level * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def _counted(count: int, total: int) -> dict[str, float]:
    return {"count": count, "share": _share(count, total)}


def _share(count: int, total: int) -> float:
    return round(count / total, 6) if total else 0.0
