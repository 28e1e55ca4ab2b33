"""`prove`: whether a prediction is right on every database on which it and the gold can stand."""

from dataclasses import dataclass

from harness.analysis.equivalence.canonical import Writing, write_query
from harness.analysis.equivalence.facts import TableFacts, read_facts
from harness.analysis.equivalence.resolution import resolve
from harness.analysis.equivalence.simplification import Simplifier
from harness.analysis.equivalence.statements import read_statement
from harness.analysis.equivalence.syntax import QuerySyntax
from harness.analysis.equivalence.terms import Block, Compound, Frozen, Query
from harness.analysis.equivalence.tokens import UnreadableError, tokenize
from harness.analysis.equivalence.visits import visit_alike
from harness.execution.catalogue import Catalogue
from harness.execution.plans import read_plans
from harness.execution.statement import is_deterministic

__all__ = ["Proof", "prove"]


@dataclass(frozen=True, slots=True)
class Proof:
    """Whether two queries are proved to be one, and by what, or why not."""

    proved: bool
    reason: str


def prove(predicted_sql: str, gold_sql: str, catalogue: Catalogue) -> Proof:
    """Prove, or fail to prove, that the prediction is right by `execution_accuracy_strict` on every database.

    That is, on every database with these tables that keeps their NOT NULL, UNIQUE and PRIMARY KEY: the same bag of
    rows of typed cells, in the gold's order if it has one at its top, ties aside. Never raises for the sake of its
    input; what is not understood is not proved.
    """
    if _is_one_text(predicted_sql, gold_sql) and read_plans(catalogue, (gold_sql.rstrip("; \n"),)):
        return Proof(True, "one text")
    tables = read_facts(catalogue)
    try:
        read = read_statement(predicted_sql), read_statement(gold_sql)
        predicted, gold = (_canonical(syntax, tables) for syntax in read)
        proof = _compare(predicted, gold)
        if proof.proved or not (isinstance(predicted.query, Frozen) or isinstance(gold.query, Frozen)):
            return proof
        alike = _one_tree(*(_canonical(syntax, tables, same_plan=True) for syntax in read))
        if alike and visit_alike(((predicted_sql, read[0]), (gold_sql, read[1])), catalogue):
            return Proof(True, "one tree, and SQLite visits its rows in one order")
    except UnreadableError as error:
        return Proof(False, str(error))
    except RecursionError:
        return Proof(False, "nested too deeply")
    return proof


def _is_one_text(predicted_sql: str, gold_sql: str) -> bool:
    """Whether both are one program of SQLite's, whatever it does: the same tokens, and nothing that hangs on chance."""
    try:
        return tokenize(predicted_sql) == tokenize(gold_sql) and is_deterministic(gold_sql)
    except UnreadableError:
        return predicted_sql.strip() == gold_sql.strip() and is_deterministic(gold_sql)


@dataclass(frozen=True, slots=True)
class _Canonical:
    query: Query
    writing: Writing


def _canonical(syntax: QuerySyntax, tables: dict[str, TableFacts], *, same_plan: bool = False) -> _Canonical:
    simplifier = Simplifier(tables, same_plan=same_plan)
    query = simplifier.simplify(resolve(syntax, tables))
    return _Canonical(query, write_query(query, simplifier.world))


def _one_tree(predicted: _Canonical, gold: _Canonical) -> bool:
    """Whether two queries are one tree, order and all, if their rows are visited in one order."""
    readable = isinstance(predicted.query, Block) and isinstance(gold.query, Block)
    same = predicted.writing.body == gold.writing.body
    return readable and same and bool(predicted.writing.orders & gold.writing.orders)


def _compare(predicted: _Canonical, gold: _Canonical) -> Proof:
    if isinstance(predicted.query, Frozen) or isinstance(gold.query, Frozen):
        reason = next(side.query.reason for side in (gold, predicted) if isinstance(side.query, Frozen))
        if predicted.writing.body == gold.writing.body:
            return Proof(True, f"one query but for names ({reason})")
        return Proof(False, reason)
    if isinstance(predicted.query, Compound) or isinstance(gold.query, Compound):
        same = predicted.writing.body == gold.writing.body
        return Proof(same, "one tree" if same else "different trees")
    if predicted.writing.body != gold.writing.body:
        return Proof(False, "different trees")
    return _compare_order(predicted, gold)


def _compare_order(predicted: _Canonical, gold: _Canonical) -> Proof:
    """The gold's order must be the prediction's or its beginning: finer ties are one of the orders that ties may have.

    Without an order in the gold, and without a LIMIT, any order is right.
    """
    assert isinstance(gold.query, Block)
    if not gold.query.order and gold.query.limit is None:
        return Proof(True, "one tree")
    asked = next(iter(gold.writing.orders))
    if any(order[: len(asked)] == asked for order in predicted.writing.orders):
        return Proof(True, "one tree, in the same order")
    return Proof(False, "another order")
