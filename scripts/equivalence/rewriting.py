"""Rewrites of a query, one to three on top of each other, seeded."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

import sqlglot
from rewrites_joins import JOIN_REWRITES
from rewrites_predicates import PREDICATE_REWRITES
from rewrites_queries import QUERY_REWRITES
from rewrites_subqueries import SUBQUERY_REWRITES
from sqlglot import exp

__all__ = ["REWRITES", "Rewrite", "rewrite"]

Rule = Callable[[Any, Random], Any]
REWRITES: tuple[Rule, ...] = (*PREDICATE_REWRITES, *JOIN_REWRITES, *QUERY_REWRITES, *SUBQUERY_REWRITES)
"""Each takes a tree that it may change, and returns the new one, or `None` where it has nothing to do."""

_TRIES = 12


@dataclass(frozen=True)
class Rewrite:
    """A query made from another one; `rules` names what was done."""

    rules: tuple[str, ...]
    sql: str


def rewrite(sql: str, random: Random) -> Iterator[Rewrite]:
    """Yield rewrites without end, each from the query as it stands; nothing where sqlglot does not read it."""
    logging.getLogger("sqlglot").setLevel(logging.ERROR)
    try:
        tree = sqlglot.parse_one(sql, read="sqlite")
    except sqlglot.errors.SqlglotError:
        return
    if not isinstance(tree, exp.Query):
        return
    while True:
        made = _rewrite_once(tree, random)
        if made is None:
            return
        yield made


def _rewrite_once(tree: Any, random: Random) -> Rewrite | None:
    """Return the tree after one to three rules; `None` when no rule of many tries applied."""
    done: list[str] = []
    wanted, current = random.choice((1, 1, 2, 2, 3)), tree.copy()
    for _ in range(_TRIES):
        rule = random.choice(REWRITES)
        changed = rule(current.copy(), random)
        if changed is not None:
            current = changed
            done.append(rule.__name__)
        if len(done) == wanted:
            break
    return Rewrite(tuple(done), current.sql("sqlite")) if done else None
