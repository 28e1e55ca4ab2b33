"""Random queries, rewritten at random, rightly or wrongly: no database tells apart what is proved."""

import random
import re

import pytest

from harness.analysis.equivalence.proof import prove

COLUMNS = {"t": "id a b c n x", "u": "k tid a b x", "v": "p q b c", "w": "r s b"}
LITERALS = ["1", "1.0", "'1'", "'a'", "2", "NULL", "''", "0.1"]
JOINS = [
    ("t", "id", "u", "tid"),
    ("u", "k", "v", "p"),
    ("w", "r", "t", "b"),
    ("w", "s", "u", "a"),
    ("t", "a", "u", "tid"),
    ("t", "c", "v", "c"),
]


class Writer:
    """Writes queries as lists of clauses, so that they can be rewritten."""

    def __init__(self, seed):
        self.dice = random.Random(seed)
        first, second = self.dice.choice(JOINS), None
        self.tables = {"s0": first[0], "s1": first[2]}
        self.links = [f"s0.{first[1]} = s1.{first[3]}"]
        for second in self.dice.sample(JOINS, len(JOINS)):
            if second[0] == first[2]:
                self.tables["s2"] = second[2]
                self.links.append(f"s1.{second[1]} = s2.{second[3]}")
                break

    def column(self, alias=None):
        alias = alias or self.dice.choice(list(self.tables))
        return f"{alias}.{self.dice.choice(COLUMNS[self.tables[alias]].split())}"

    def condition(self):
        pick, column, literal = self.dice.random(), self.column(), self.dice.choice(LITERALS)
        if pick < 0.5:
            return f"{column} {self.dice.choice(['=', '<>', '<', '>='])} {self.dice.choice([literal, self.column()])}"
        if pick < 0.65:
            return f"{column} IN ({literal}, {self.dice.choice(LITERALS)})"
        if pick < 0.8:
            return f"{column} BETWEEN {literal} AND 2"
        if pick < 0.9:
            return f"{column} IN (SELECT {self.column('s0').replace('s0', 'i')} FROM {self.tables['s0']} AS i)"
        return f"NOT ({column} = {literal} OR {self.column()} IS NULL)"

    def aggregate(self):
        column, condition = self.column(), f"{self.column()} = {self.dice.choice(LITERALS)}"
        count = self.dice.choice(["COUNT(*)", f"COUNT({column})", f"COUNT(DISTINCT {column})"])
        cased = self.dice.choice(
            [f"SUM(CASE WHEN {condition} THEN 1 ELSE 0 END)", f"COUNT(CASE WHEN {condition} THEN 1 END)"]
        )
        return self.dice.choice(
            [
                count,
                cased,
                f"MAX({column})",
                f"SUM({column})",
                f"CAST({cased} AS REAL) * 100 / {count}",
                f"{cased} * 1.0 / {count}",
            ]
        )

    def query(self):
        kind = self.dice.choice(["plain", "distinct", "aggregate", "group"])
        keys = [self.column() for _ in range(self.dice.randint(1, 2))]
        outputs = {"aggregate": [self.aggregate()], "group": [*keys, self.aggregate()]}.get(
            kind, [self.column(), self.column("s0")]
        )
        return {
            "distinct": kind == "distinct",
            "outputs": outputs,
            "joins": [self.dice.choice(["JOIN", "JOIN", "LEFT JOIN"]) for _ in self.links],
            "where": [self.condition() for _ in range(self.dice.randint(0, 2))],
            "group": keys if kind == "group" else [],
            "order": [self.column()] if kind == "plain" and self.dice.random() < 0.4 else [],
            "limit": self.dice.choice(["", "", "1", "2"]),
        }

    def rewrite(self, query):
        """Change one thing, which may or may not change what the query means."""
        query = {name: list(value) if isinstance(value, list) else value for name, value in query.items()}
        self.dice.choice(
            [
                self._conditions,
                self._outputs,
                self._shape,
                self._equal_columns,
                self._spelling,
                self._shape,
                self._outputs,
            ]
        )(query)
        return query

    def _conditions(self, query):
        if self.dice.random() < 0.5:
            self.dice.shuffle(query["where"])
        else:
            query["where"].append(f"{self.column()} IS NOT NULL")

    def _outputs(self, query):
        count = f"COUNT({self.dice.choice([self.column(), '*'])})"
        pattern, other = self.dice.choice(
            [(r"COUNT\([^()]*\)", count), (r"SUM\((.*) THEN 1 ELSE 0 END\)", r"COUNT(\1 THEN 1 END)")]
        )
        query["outputs"] = [re.sub(pattern, other, text) for text in query["outputs"]]

    def _shape(self, query):
        pick = self.dice.randrange(5)
        if pick == 0:
            query["distinct"] = not query["distinct"]
        elif pick == 1:
            query["joins"][-1] = "JOIN"
        elif pick == 2 and query["order"]:
            query["order"].append(self.column())
        elif pick == 3:
            query["limit"] = ""
        elif query["group"]:
            query["group"].append(self.column())

    def _equal_columns(self, query):
        query["outputs"] = [self._equal(text) for text in query["outputs"]]
        query["where"] = [self._equal(text) for text in query["where"]]

    def _spelling(self, query):
        query["where"] = [re.sub(r"= 1$", "= '1'", text) for text in query["where"]]

    def _equal(self, text):
        left, right = self.dice.choice(self.links).split(" = ")
        return text.replace(left, right)

    def write(self, query, *, turned=False):
        """Return SQL; `turned` writes inner joins of two tables the other way round."""
        names = list(self.tables)
        if turned and query["joins"] == ["JOIN"]:
            names.reverse()
        sources = f"{self.tables[names[0]]} AS {names[0]}"
        for name, join, link in zip(names[1:], query["joins"], self.links, strict=True):
            sources += f" {join} {self.tables[name]} AS {name} ON {link}"
        clauses = [f"SELECT {'DISTINCT ' if query['distinct'] else ''}{', '.join(query['outputs'])} FROM {sources}"]
        for word, joiner in (("where", " AND "), ("group", ", "), ("order", ", ")):
            if query[word]:
                clauses.append(f"{word.upper()}{'' if word == 'where' else ' BY'} {joiner.join(query[word])}")
        return " ".join([*clauses, f"LIMIT {query['limit']}" if query["limit"] else ""])


@pytest.mark.parametrize("part", range(4))
def test_no_database_tells_apart_what_is_proved(part, catalogue, find_difference):
    proved = 0
    for seed in range(part * 1000, part * 1000 + 120):
        writer = Writer(seed)
        query = writer.query()
        gold = writer.write(query)
        for turned in (False, True):
            changed = writer.rewrite(writer.rewrite(query))
            predicted = writer.write(changed, turned=turned)
            if predicted != gold and prove(predicted, gold, catalogue).proved:
                proved += 1
                script = find_difference(predicted, gold, 25, seed)
                assert not script, f"{predicted}\n{gold}\n{script}"
    assert proved > 30
