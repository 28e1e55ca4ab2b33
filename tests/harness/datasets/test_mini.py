"""The shipped mini set: what its README promises, and what makes its questions good questions."""

from __future__ import annotations

import itertools
import json
import re
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from importlib.resources import files
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlglot
from sqlglot import exp

MINI = Path(str(files("harness") / "datasets" / "mini"))
BUILDER = Path(__file__).parents[3] / "scripts" / "mini" / "build.py"
SPLITS = {"train": 60, "dev": 50}  # questions per database
SHARES = {"simple": 0.5, "moderate": 0.35, "challenging": 0.15}
WEIGHTS = {"simple": range(2), "moderate": range(1, 5), "challenging": range(3, 13)}
EMPTY_ON_PURPOSE: frozenset[int] = frozenset()  # question ids; three at most
# Descriptions hold these words too, but in a question they carry its form, not its subject.
FORM = re.compile(r"(?:which|what|when|where|wh[oy]|how|long|last|first|there|count|list|name|show|give|find)s?")
KEYWORDS = (
    "select|from|where|group|by|having|order|limit|inner|left|join|on|as|and|or|not|in|like|between|is|null|case"
    "|when|then|else|end|cast|distinct|count|sum|avg|min|max|union|except|intersect|exists|with|over|partition"
)
KINDS = (
    *(exp.Count, exp.Avg, exp.Sum, exp.Min, exp.Max, exp.Distinct, exp.EQ, exp.GT, exp.Like, exp.Between, exp.In),
    *(exp.And, exp.Or, exp.Group, exp.Having, exp.Order, exp.Limit, exp.Subquery, exp.Case, exp.Cast, exp.TimeToStr),
    *(exp.SetOperation, exp.CTE, exp.Window),
)
PHRASES = (" IS NULL", "NOT IN (SELECT", "NOT EXISTS (SELECT", "ASC LIMIT", "DESC LIMIT")


def content_of(path: Path) -> str:
    """Return the dump of an SQLite file and the text of any other."""
    if path.suffix != ".sqlite":
        return path.read_bytes().decode()
    with closing(sqlite3.connect(path)) as connection:
        return "\n".join(connection.iterdump())


def rows_of(file: Path, sql: str) -> list[tuple[Any, ...]]:
    """Return what `sql` yields, on a connection that can't write."""
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        return connection.execute(sql).fetchall()


def schema_of(split: str, entry: dict[str, Any]) -> SimpleNamespace:
    """Return one entry of a tables.json with its split, its database file and the sizes of its tables."""
    file = MINI / f"{split}_databases" / entry["db_id"] / f"{entry['db_id']}.sqlite"
    tables, columns = entry["table_names_original"], entry["column_names_original"]
    sizes = [rows_of(file, f"SELECT COUNT(*) FROM {table}")[0][0] for table in tables]
    return SimpleNamespace(**entry, split=split, file=file, tables=tables, columns=columns, sizes=sizes)


def question_of(split: str, entry: dict[str, Any]) -> SimpleNamespace:
    """Return one entry of a question file with its split, its schema, and its gold as a tree and as rows."""
    schema, tree = SCHEMAS[entry["db_id"]], sqlglot.parse_one(entry["SQL"], read="sqlite")
    return SimpleNamespace(**entry, split=split, schema=schema, tree=tree, rows=rows_of(schema.file, entry["SQL"]))


SCHEMAS = {e["db_id"]: schema_of(s, e) for s in SPLITS for e in json.loads(content_of(MINI / f"{s}_tables.json"))}
QUESTIONS = [question_of(s, e) for s in SPLITS for e in json.loads(content_of(MINI / f"{s}.json"))]

by_database = pytest.mark.parametrize("schema", SCHEMAS.values(), ids=SCHEMAS)
by_split = pytest.mark.parametrize("questions", [[q for q in QUESTIONS if q.split == s] for s in SPLITS], ids=SPLITS)


def vocabulary() -> set[str]:
    """Return the words of all schemas, descriptions and values, in singular and plural."""
    texts = [content_of(path) for suffix in ("csv", "sqlite") for path in MINI.rglob(f"*.{suffix}")]
    words = {word for text in texts for word in re.findall(r"[a-z]{3,}", text.lower().replace("create table", ""))}
    words |= {word.removesuffix("s") for word in words if len(word) > 4}
    words |= {re.sub("(?<=[sxh])s$", "es", re.sub("ys$", "ies", f"{word}s")) for word in words}
    return {word for word in words if not FORM.fullmatch(word)}


VOCABULARY = vocabulary()


def template(question: str) -> str:
    """Return the question with a slot for each run of names, values, numbers and schema words."""
    text = re.sub(r"(?<!\w)'[^']*'|\"[^\"]*\"|\d[\d.,]*", " _ ", question)
    words = enumerate(re.findall(r"[A-Za-zÀ-ÿ']+|_", text))
    slotted = ["_" if (at and not w.islower()) or w.lower() in VOCABULARY else w.lower() for at, w in words]
    return " ".join(word for word, _ in itertools.groupby(slotted))


def is_correlated(select: exp.Select) -> bool:
    """Say whether an inner query looks at a table of the query around it."""
    own = {table.alias_or_name for table in select.find_all(exp.Table)}
    return any(column.table and column.table not in own for column in select.find_all(exp.Column))


def weight(tree: exp.Expression) -> int:
    """Return how much a query asks of its writer: joins, groups, dates and ratios count one, nesting two."""
    light = sum(1 for _ in tree.find_all(exp.Join, exp.Group, exp.Having, exp.TimeToStr, exp.Div))
    heavy = sum(tree.find(kind) is not None for kind in (exp.Case, exp.Window, exp.CTE, exp.SetOperation))
    return light + 2 * heavy + sum(2 + is_correlated(inner) for inner in list(tree.find_all(exp.Select))[1:])


def test_there_are_four_training_and_two_evaluation_databases_with_enough_questions() -> None:
    counts = Counter((q.split, q.db_id) for q in QUESTIONS)
    assert [(split, count) for (split, _), count in counts.items()] == [("train", 60)] * 4 + [("dev", 50)] * 2


def test_ids_count_up_through_both_files_and_no_question_is_asked_twice() -> None:
    assert [q.question_id for q in QUESTIONS] == list(range(340))
    assert len({q.question.lower() for q in QUESTIONS}) == len(QUESTIONS)


def test_the_splits_share_no_table_name() -> None:
    train, dev = ({t for s in SCHEMAS.values() if s.split == split for t in s.tables} for split in SPLITS)
    assert (len(train), len(dev), train & dev) == (16, 8, set())


def test_the_same_question_about_other_things_has_the_same_template() -> None:
    assert template("How many trees grow on Long Acre?") == template("How many colonies grow on Chapel Piece?")
    assert template("How many trees are there?") == template("How many keepers are there?")
    assert template("How many trees are there?") != template("How many trees have we got?")


def test_no_dev_template_occurs_in_train() -> None:
    texts = {split: {template(q.question): q.question for q in QUESTIONS if q.split == split} for split in SPLITS}
    assert [(t, texts["dev"][t], texts["train"][t]) for t in texts["dev"] if t in texts["train"]] == []


@by_split
def test_half_of_the_golds_join_group_or_nest(questions: list[SimpleNamespace]) -> None:
    composed = (exp.Join, exp.Group, exp.SetOperation, exp.Subquery)
    assert sum(q.tree.find(*composed) is not None for q in questions) / len(questions) >= 0.5


@by_split
def test_each_split_uses_each_feature_of_sql(questions: list[SimpleNamespace]) -> None:
    assert [kind.__name__ for kind in KINDS if not any(q.tree.find(kind) for q in questions)] == []
    assert [phrase for phrase in PHRASES if not any(phrase in q.SQL for q in questions)] == []
    assert {0, 1, 2} <= {len(list(q.tree.find_all(exp.Join))) for q in questions}


@by_split
def test_the_shares_of_the_difficulties_are_near_their_targets(questions: list[SimpleNamespace]) -> None:
    shares = {name: count / len(questions) for name, count in Counter(q.difficulty for q in questions).items()}
    assert shares == pytest.approx(SHARES, abs=0.03)


def test_the_difficulty_fits_the_weight_of_the_gold() -> None:
    assert [(q.SQL, weight(q.tree)) for q in QUESTIONS if weight(q.tree) not in WEIGHTS[q.difficulty]] == []


@by_split
def test_most_questions_carry_evidence(questions: list[SimpleNamespace]) -> None:
    assert sum(bool(q.evidence) for q in questions) / len(questions) >= 0.6


def test_evidence_names_what_the_gold_uses() -> None:
    for q in QUESTIONS:
        terms = re.findall(r"(?<!\w)'[^']*'|(?<=[=<>] )\d+|\b[a-z]+_[a-z]+\b|`[^`]+`", q.evidence)
        name_columns = [name for _, name in q.schema.columns if name.endswith("_name")]
        assert [term for term in terms if term not in q.SQL and term not in name_columns] == [], q.question


def test_a_question_is_one_sentence() -> None:
    assert [q.question for q in QUESTIONS if not re.fullmatch(r"[A-Z][^.?!\n]+[.?]", q.question)] == []


def test_every_gold_returns_rows_except_where_an_empty_answer_is_meant() -> None:
    empty = {q.question_id for q in QUESTIONS if not q.rows or set(q.rows[0]) <= {None} or q.rows == [(0,)]}
    assert empty == EMPTY_ON_PURPOSE
    assert len(EMPTY_ON_PURPOSE) <= 3


def test_no_gold_returns_a_row_twice() -> None:
    assert [q.question for q in QUESTIONS if len(set(q.rows)) != len(q.rows)] == []


def test_no_order_by_and_no_limit_depends_on_a_tie() -> None:
    ordered = [(q, s) for q in QUESTIONS for s in q.tree.find_all(exp.Select) if s.args.get("order")]
    assert len(ordered) >= 40
    for q, select in ordered:
        keys_only, limit = select.copy(), select.args.get("limit")
        keys_only.set("expressions", [key.this.copy() for key in select.args["order"].expressions])
        keys_only.set("limit", None)
        keys = rows_of(q.schema.file, keys_only.sql("sqlite"))
        kept = keys[: int(limit.expression.name) + 1] if limit else keys
        assert len(set(kept)) == len(kept), q.question


def test_no_row_number_depends_on_a_tie() -> None:
    numbered = [q for q in QUESTIONS if "ROW_NUMBER()" in q.SQL]
    assert len(numbered) >= 3
    assert [q.question for q in numbered if rows_of(q.schema.file, q.SQL.replace("ROW_NUMBER", "RANK")) != q.rows] == []


def test_golds_have_upper_case_keywords_and_single_quotes() -> None:
    for q in QUESTIONS:
        code = re.sub(r"'[^']*'|`[^`]*`", "''", q.SQL)
        assert re.findall(rf"\b(?:{KEYWORDS})\b|\"|;", code) == [], q.SQL


def test_golds_name_joined_tables_t1_and_t2() -> None:
    for q in QUESTIONS:
        assert len(re.findall(r"\bJOIN\b", q.SQL)) == len(re.findall(r"\b(?:INNER|LEFT) JOIN\b", q.SQL))
        for select in q.tree.find_all(exp.Select):
            joins = [join.this for join in select.args.get("joins") or ()]
            sources = [select.args["from_"].this, *joins] if joins else []
            assert [s for s in sources if not re.fullmatch(r"T\d", s.alias)] == [], q.SQL


def test_golds_are_short() -> None:
    lengths = sorted(len(sqlglot.tokenize(q.SQL, read="sqlite")) for q in QUESTIONS)
    assert lengths[-1] <= 90
    assert lengths[int(len(lengths) * 0.85)] < 50


@by_split
def test_one_database_of_each_split_has_a_column_with_a_space(questions: list[SimpleNamespace]) -> None:
    schemas = {q.db_id: q.schema for q in questions}.values()
    spaced = [schema for schema in schemas for _, name in schema.columns if " " in name]
    users = [q.schema for q in questions if "`" in q.SQL]
    assert len(spaced) == 1
    assert 2 <= len(users) <= 10
    assert all(user is spaced[0] for user in users)


@by_database
def test_a_schema_is_small(schema: SimpleNamespace) -> None:
    widths = Counter(table for table, _ in schema.columns[1:])
    assert 3 <= len(schema.tables) <= 5
    assert all(3 <= width <= 7 for width in widths.values())
    full = [f"{schema.tables[at]}.{name}" for at, name in schema.columns]
    links = [f"{full[child]} = {full[parent]}" for child, parent in schema.foreign_keys]
    columns = [f"{name} {kind}" for (_, name), kind in zip(schema.columns, schema.column_types, strict=True)]
    ddl = ", ".join([f"{table}()" for table in schema.tables] + columns[1:] + links)
    assert len(re.findall(r"[A-Za-z]+|[^\sA-Za-z_]", ddl)) <= 200


@by_database
def test_tables_json_says_what_sqlite_says(schema: SimpleNamespace) -> None:
    places = {(schema.tables[at], name): place for place, (at, name) in enumerate(schema.columns) if at >= 0}
    keys, links, types = [], [], ["text"]
    for table in schema.tables:
        columns = rows_of(schema.file, f"SELECT name, type, pk FROM pragma_table_info('{table}')")
        types += [kind.lower() for _, kind, _ in columns]
        key = [places[table, name] for name, _, pk in columns if pk]
        keys.append(key if len(key) > 1 else key[0])
        for _, _, parent, child, reference, *_ in rows_of(schema.file, f"PRAGMA foreign_key_list({table})"):
            links.append([places[table, child], places[parent, reference]])
    assert schema.columns[0] == [-1, "*"]
    assert (schema.column_types, schema.primary_keys) == (types, keys)
    assert sorted(schema.foreign_keys) == sorted(links) != []


def test_some_database_has_a_composite_key() -> None:
    assert any(isinstance(key, list) for schema in SCHEMAS.values() for key in schema.primary_keys)


@by_database
def test_a_database_is_sound_and_the_whole_set_small(schema: SimpleNamespace) -> None:
    checks = [rows_of(schema.file, f"PRAGMA {check}") for check in ("foreign_key_check", "integrity_check")]
    assert checks == [[], [("ok",)]]
    assert schema.file.stat().st_size < 100_000
    assert all(8 <= size <= 120 for size in schema.sizes)
    assert max(schema.sizes) > 100
    assert sum(path.stat().st_size for path in MINI.rglob("*") if path.is_file()) < 1_000_000


@by_database
def test_each_column_is_described(schema: SimpleNamespace) -> None:
    for at, table in enumerate(schema.tables):
        header, *lines = content_of(schema.file.parent / "database_description" / f"{table}.csv").splitlines()
        assert header == "original_column_name,column_name,column_description,data_format,value_description"
        assert [line.split(",")[0] for line in lines] == [name for table, name in schema.columns if table == at]


@by_database
def test_the_readme_counts_right(schema: SimpleNamespace) -> None:
    start, end = f"| {schema.db_id} | {schema.split} |", f"| {len(schema.tables)} | {sum(schema.sizes)} |"
    lines = [line for line in content_of(MINI / "README.md").splitlines() if line.startswith(start)]
    assert [line.endswith(f"{end} {SPLITS[schema.split]} |") for line in lines] == [True]


@pytest.mark.skipif(not BUILDER.exists(), reason=f"{BUILDER} is not here: this is not a source checkout")
def test_the_builder_makes_what_is_shipped(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-B", BUILDER, "--out", tmp_path], check=True, timeout=120)
    built = {p.relative_to(tmp_path): p for p in tmp_path.rglob("*") if p.is_file()}
    shipped = {p.relative_to(MINI): p for p in MINI.rglob("*") if p.is_file() and p.name != "README.md"}
    assert built.keys() == shipped.keys()
    assert [name for name, path in built.items() if content_of(path) != content_of(shipped[name])] == []
