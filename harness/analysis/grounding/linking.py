"""Schema linking: did the query read the tables and columns that the gold reads?"""

from dataclasses import dataclass

from harness.analysis.grounding.problems import Grounding

__all__ = ["Linking", "link"]

_INVENTED = frozenset({"unknown_table", "unknown_column", "wrong_scope"})


@dataclass(frozen=True, slots=True)
class Linking:
    """Precision, recall and their harmonic mean, each from 0.0 to 1.0."""

    precision: float
    recall: float
    f1: float


def link(predicted: Grounding, gold: Grounding) -> Linking:
    """Compare what two queries on one schema read.

    The items of a query are its tables and its columns, `P` the prediction's and `G` the gold's; `I` are the table and
    column names of the prediction that do not exist or are out of scope, as these were linked too, to nothing.
    precision = |P ∩ G| / (|P| + |I|), recall = |P ∩ G| / |G|, f1 = 2 |P ∩ G| / (|P| + |I| + |G|). Two queries that
    read nothing agree (1.0 each); where only one of them does, or the prediction cannot be read, all three are 0.0.
    """
    mine: frozenset[object] = predicted.tables | predicted.columns
    wanted: frozenset[object] = gold.tables | gold.columns
    invented = {(problem.kind, problem.name.lower()) for problem in predicted.problems if problem.kind in _INVENTED}
    named = len(mine) + len(invented)
    if not named and not wanted and predicted.readable:
        return Linking(1.0, 1.0, 1.0)
    shared = len(mine & wanted)
    if not shared:
        return Linking(0.0, 0.0, 0.0)
    return Linking(shared / named, shared / len(wanted), 2 * shared / (named + len(wanted)))
