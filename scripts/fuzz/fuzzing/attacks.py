"""A seeded grammar of statements that write, hide, burn time, eat memory or break parsers.

The tables are those of `fuzzing.arena`: `emp(id, name, salary, note)`, the view `well_paid` and, where this SQLite has
the modules, the virtual tables `search` (fts5) and `area` (rtree). The same seed gives the same statement everywhere.
"""

# ruff: noqa: S608 - hostile SQL is what this writes

from collections.abc import Callable
from dataclasses import dataclass

from fuzzing.commands import Commands
from fuzzing.queries import Queries

__all__ = ["KINDS", "Attack", "write_attack"]


_LONG = 2_000


@dataclass(frozen=True, slots=True)
class Attack:
    """One statement; `kind` names the rule that made it."""

    seed: int
    kind: str
    sql: str


class _Grammar(Commands, Queries):
    """All rules, and the disguises of what they write."""

    def disguise(self, sql: str) -> str:
        """Return `sql` behind comments, marks, brackets, other letters or noise."""
        harmless = ["", "", "", "", ";", ";;", "-- x\n", "/* SELECT 1 */", "\n\n", "/**/"]
        front = [*harmless, *harmless, "\ufeff", " \t\n", "\u00a0", "\0", "/*", "(", "SELECT 1;", "EXPLAIN ", "\u200b"]
        back = [*harmless, *harmless, " --", "/*", "\0", "\0; DELETE FROM emp", ")", "; SELECT 1", "\ud800", "'", "\\"]
        dress = self.choice(["plain", "plain", "plain", "table", "clause", "letters", "spaces", "noise"])
        if dress == "table":
            sql = f"SELECT * FROM ({sql})"
        elif dress == "clause":
            sql = f"WITH q AS ({sql}) SELECT * FROM q"
        elif dress == "letters" and len(sql) < _LONG:
            sql = "".join(self.choice([letter.lower, letter.upper])() for letter in sql)
        elif dress == "spaces" and len(sql) < _LONG:
            sql = sql.replace(" ", self.choice(["/**/", "\n", "\t", "--\n", "\x0c", "\u3000"]))
        elif dress == "noise":
            place = self.randrange(len(sql))
            noise = self.choice(["\0", "'", '"', "(", ";", "é", "--", "\ufeff", "/*", "\ud800"])
            sql = sql[:place] + noise + sql[place:]
        return self.choice(front) + sql + self.choice(back)


_RULES: dict[str, tuple[int, Callable[[_Grammar], str]]] = {
    "write": (4, _Grammar.write),
    "define": (3, _Grammar.define),
    "reach out": (3, _Grammar.reach_out),
    "pragma": (3, _Grammar.pragma),
    "transact": (1, _Grammar.transact),
    "several": (2, _Grammar.several),
    "endless": (2, _Grammar.endless),
    "explode": (4, _Grammar.explode),
    "burn": (4, _Grammar.burn),
    "gather": (3, _Grammar.gather),
    "compile": (3, _Grammar.compile),
}
KINDS = tuple(_RULES)
"""The rules that a statement may come from."""

_DISGUISED_SHARE = 0.4


def write_attack(seed: int) -> Attack:
    """Return the statement of `seed`."""
    grammar = _Grammar(seed)
    (kind,) = grammar.choices(KINDS, [weight for weight, _ in _RULES.values()])
    sql = _RULES[kind][1](grammar)
    return Attack(seed, kind, grammar.disguise(sql) if grammar.random() < _DISGUISED_SHARE else sql)
