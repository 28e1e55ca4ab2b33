import sqlite3
from collections import Counter
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analysis.differences import DIFFERENCES
from harness.diagnosis import DIAGNOSES, diagnose, explain
from harness.execution import Executor, Limits
from harness.types import Column, Completion, Example, Execution, Extraction, Prediction, Schema, Status, Table

SCHEMA = Schema(
    "zoo",
    (
        Table("keeper", (Column("id"), Column("name"), Column("nickname"), Column("wage"), Column("hired"))),
        Table("animal", (Column("id"), Column("keeper_id"), Column("species"), Column("weight"), Column("age"))),
    ),
)
ENDLESS = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) "

# label, prediction, gold; every statement runs on the database below.
ANSWERS = [
    ("correct", "SELECT name FROM keeper", "SELECT name FROM keeper"),
    ("correct", "SELECT COUNT(id) FROM animal", "SELECT COUNT(*) FROM animal"),
    ("correct", "SELECT name FROM keeper WHERE id < 0", "SELECT name FROM keeper WHERE 1 = 0"),
    ("no_sql", None, "SELECT 1"),
    ("no_sql", ";", "SELECT 1"),
    ("no_sql", "-- nothing but a comment", "SELECT 1"),
    ("syntax", "SELEC name FROM keeper", "SELECT 1"),
    ("syntax", "SELECT name FROM keeper WHERE", "SELECT 1"),
    ("syntax", "SELECT 'unclosed FROM keeper", "SELECT 1"),
    ("syntax", "Sure!", "SELECT 1"),
    ("syntax", "SELECT '\0'", "SELECT 1"),
    ("syntax", "SELECT '\ud800'", "SELECT 1"),
    ("syntax", 'SELECT name FROM keeper "a\nb" 1', "SELECT 1"),
    ("unknown_table", "SELECT name FROM keepers", "SELECT 1"),
    ("unknown_table", "SELECT name FROM other.keeper", "SELECT 1"),
    ("unknown_table", "SELECT 1 FROM keeper JOIN `the\ncages` ON 1", "SELECT 1"),
    ("unknown_column", "SELECT nmae FROM keeper", "SELECT 1"),
    ("unknown_column", "SELECT T1.`full name` FROM keeper AS T1", "SELECT 1"),
    ("unknown_column", "SELECT T9.nmae FROM keeper AS T1", "SELECT 1"),
    ("unknown_column", "SELECT 1 FROM keeper JOIN animal USING (nmae)", "SELECT 1"),
    ("wrong_scope", "SELECT species FROM keeper", "SELECT 1"),
    ("wrong_scope", "SELECT T1.Species FROM keeper AS T1", "SELECT 1"),
    ("wrong_scope", "SELECT animal.species FROM keeper", "SELECT 1"),
    ("wrong_scope", "SELECT 1 FROM keeper JOIN animal USING (species)", "SELECT 1"),
    ("wrong_scope", "SELECT name FROM keeper UNION SELECT name FROM animal", "SELECT 1"),
    ("unknown_function", "SELECT CONCATENATE(name, 'x') FROM keeper", "SELECT 1"),
    ("unknown_function", "SELECT YEAR(hired) FROM keeper", "SELECT 1"),
    ("unknown_function", "SELECT DATEDIFF(hired, hired) FROM keeper", "SELECT 1"),
    ("ambiguous", "SELECT id FROM keeper JOIN animal", "SELECT 1"),
    ("ambiguous", "SELECT species FROM animal AS a JOIN animal AS b", "SELECT 1"),
    ("ambiguous", "SELECT name FROM keeper JOIN animal ON id = keeper_id", "SELECT 1"),
    ("forbidden_statement", "DELETE FROM keeper", "SELECT 1"),
    ("forbidden_statement", "SELECT 1; SELECT 2", "SELECT 1"),
    ("forbidden_statement", "PRAGMA table_info(keeper)", "SELECT 1"),
    ("timeout", ENDLESS + "SELECT COUNT(*) FROM n", "SELECT 1"),
    ("timeout", ENDLESS + "SELECT MAX(x) FROM n", "SELECT 1"),
    ("timeout", ENDLESS + "SELECT x FROM n WHERE x < 0", "SELECT 1"),
    ("resource", ENDLESS + "SELECT x FROM n LIMIT 2000", "SELECT 1"),
    ("resource", "SELECT hex(zeroblob(400000000))", "SELECT 1"),
    ("resource", "SELECT '" + 1_000_000 * "x" + "'", "SELECT 1"),
    ("runtime_error", "SELECT name FROM keeper UNION SELECT id, name FROM keeper", "SELECT 1"),
    ("runtime_error", "SELECT name FROM keeper WHERE SUM(wage) > 1", "SELECT 1"),
    ("runtime_error", "SELECT json_extract('{', '$')", "SELECT 1"),
    ("runtime_error", "SELECT IIF(1)", "SELECT 1"),
    ("empty_result", "SELECT name FROM keeper WHERE 0", "SELECT name FROM keeper"),
    ("empty_result", "SELECT id, name FROM keeper WHERE name = 'nobody'", "SELECT name FROM keeper"),
    ("empty_result", "SELECT species FROM animal WHERE age > 99", "SELECT COUNT(*) FROM animal"),
    ("extra_columns", "SELECT id, name FROM keeper", "SELECT name FROM keeper"),
    ("extra_columns", "SELECT wage, name, id FROM keeper", "SELECT name, wage FROM keeper"),
    ("extra_columns", "SELECT species, id FROM animal", "SELECT DISTINCT species FROM animal"),
    ("extra_columns", "SELECT id, name FROM keeper WHERE 0", "SELECT name FROM keeper WHERE 0"),
    ("missing_columns", "SELECT name FROM keeper", "SELECT id, name FROM keeper"),
    ("missing_columns", "SELECT species FROM animal", "SELECT species, COUNT(*) OVER () FROM animal"),
    ("missing_columns", "SELECT COUNT(*) FROM keeper", "SELECT COUNT(*), SUM(wage) FROM keeper"),
    ("wrong_columns", "SELECT name, id FROM keeper", "SELECT id, name FROM keeper"),
    ("wrong_columns", "SELECT id, nickname FROM keeper", "SELECT id, name FROM keeper"),
    ("wrong_columns", "SELECT nickname FROM keeper", "SELECT name FROM keeper"),
    ("wrong_columns", "SELECT nickname FROM keeper WHERE id = 1", "SELECT name FROM keeper WHERE id = 1"),
    ("wrong_columns", "SELECT id, wage FROM keeper", "SELECT name FROM keeper"),
    ("wrong_columns", "SELECT id FROM animal", "SELECT name, wage FROM keeper"),
    ("duplicates", "SELECT species FROM animal", "SELECT DISTINCT species FROM animal"),
    ("duplicates", "SELECT DISTINCT species FROM animal", "SELECT species FROM animal"),
    ("duplicates", "SELECT name FROM keeper UNION ALL SELECT name FROM keeper", "SELECT name FROM keeper"),
    ("order", "SELECT name FROM keeper ORDER BY id DESC", "SELECT name FROM keeper ORDER BY id"),
    ("order", "SELECT name FROM keeper", "SELECT name FROM keeper ORDER BY wage DESC"),
    ("order", "SELECT species, age FROM animal ORDER BY age", "SELECT species, age FROM animal ORDER BY age DESC"),
    ("type_or_format", "SELECT CAST(wage AS TEXT) FROM keeper", "SELECT wage FROM keeper"),
    ("type_or_format", "SELECT ROUND(AVG(weight), 2) FROM animal", "SELECT AVG(weight) FROM animal"),
    ("type_or_format", "SELECT hired || ' 00:00:00' FROM keeper", "SELECT hired FROM keeper"),
    ("type_or_format", "SELECT REPLACE(hired, '-', '/') FROM keeper", "SELECT hired FROM keeper"),
    ("type_or_format", "SELECT UPPER(name), 50 || '%' FROM keeper", "SELECT name, 50.0 FROM keeper"),
    ("type_or_format", "SELECT CAST(name AS BLOB) FROM keeper", "SELECT name FROM keeper"),
    ("type_or_format", "SELECT 0.1 + 0.2", "SELECT 0.3"),
    ("wrong_rows", "SELECT COUNT(*) FROM keeper", "SELECT COUNT(*) FROM animal"),
    ("wrong_rows", "SELECT name FROM keeper WHERE id > 1", "SELECT name FROM keeper"),
    ("wrong_rows", "SELECT AVG(age) FROM animal", "SELECT AVG(weight) FROM animal"),
    ("wrong_rows", "SELECT name FROM keeper", "SELECT name FROM keeper WHERE 0"),
    ("wrong_rows", "SELECT name FROM keeper WHERE id = 1", "SELECT name FROM keeper WHERE id = 2"),
    ("gold_error", "SELECT 1", "SELECT nmae FROM keeper"),
    ("gold_error", "DELETE FROM keeper", "SELECT 1; SELECT 2"),
    ("gold_error", None, "SELECT FROM"),
    ("gold_timeout", "SELECT 1", ENDLESS + "SELECT COUNT(*) FROM n"),
    ("gold_timeout", None, ENDLESS + "SELECT MAX(x) FROM n"),
    ("gold_timeout", "SELEC", ENDLESS + "SELECT x FROM n WHERE x < 0"),
]
# What was written, the SQL found in it, and the label; the token limit ended each.
CUT = [
    ("truncated", "SELECT name FROM keeper WHERE", "SELECT name FROM keeper WHERE"),
    ("truncated", "```sql\nSELECT name FROM keeper WHERE name = 'Ad", "SELECT name FROM keeper WHERE name = 'Ad"),
    ("truncated", "SELECT name, (SELECT", "SELECT name, (SELECT"),
    ("truncated", "SELECT name FROM keepe", "SELECT name FROM keepe"),
    ("truncated", "SELECT T1.name, T1.nickna", "SELECT T1.name, T1.nickna"),
    (
        "truncated",
        "SELECT name FROM keeper AS k JOIN animal AS a ON k.i",
        "SELECT name FROM keeper AS k JOIN animal AS a ON k.i",
    ),
    ("truncated", "<think>Let me think about", None),
    ("syntax", "SELECT name FROM; The answer is", "SELECT name FROM"),
    ("syntax", "```sql\nSELECT name FROM\n```", "SELECT name FROM"),
    ("unknown_table", "SELECT name FROM keepers WHERE id = 1", "SELECT name FROM keepers WHERE id = 1"),
    ("correct", "SELECT name FROM keeper", "SELECT name FROM keeper"),
]


@dataclass(frozen=True)
class Verdict:
    equal: bool


@dataclass(frozen=True)
class Problem:
    kind: str
    name: str
    suggestion: str = ""


@dataclass(frozen=True)
class Grounding:
    problems: tuple[Problem, ...]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    path = tmp_path_factory.mktemp("zoo") / "zoo.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript(
        """
        CREATE TABLE keeper (id INTEGER PRIMARY KEY, name TEXT, nickname TEXT, wage REAL, hired TEXT);
        CREATE TABLE animal (id INTEGER PRIMARY KEY, keeper_id INTEGER, species TEXT, weight REAL, age INTEGER);
        INSERT INTO keeper VALUES (1, 'Ada', 'Adi', 2000, '2019-01-05'), (2, 'Bo', 'Bobo', 2500.5, '2020-11-30'),
                                  (3, 'Cy', 'Cyclops', 3000, '2021-06-01');
        INSERT INTO animal VALUES (1, 1, 'lion', 190.25, 8), (2, 1, 'lion', 180.5, 3), (3, 2, 'owl', 1.234, 4),
                                  (4, 3, 'emu', 40.125, 6);
        """
    )
    connection.close()
    with Executor({"zoo": path}, limits=Limits(timeout_s=0.3, memory_mib=256, max_rows=1000), workers=1) as executor:
        yield lambda sql: executor.execute("zoo", sql)


def predict(run, sql, *golds, text=None, finish_reason="stop"):
    text = sql if text is None else text
    completion = Completion(0, text or "", finish_reason=finish_reason, completion_tokens=256)
    execution = run(sql) if sql is not None else Execution(Status.NO_SQL, error="no SQL in the completion")
    example = Example(1, "zoo", "?", golds[0], alternative_gold_sql=golds[1:])
    return Prediction(example, SCHEMA, completion, Extraction(sql), execution, tuple(run(gold) for gold in golds))


@pytest.mark.parametrize(("label", "sql", "gold"), ANSWERS)
def test_an_answer_has_its_label(run, label, sql, gold):
    assert diagnose(predict(run, sql, gold), None, Verdict(label == "correct")) == label


@pytest.mark.parametrize(("label", "text", "sql"), CUT)
def test_a_completion_that_the_token_limit_ended_is_truncated_only_where_that_broke_it(run, label, text, sql):
    prediction = predict(run, sql, "SELECT name FROM keeper", text=text, finish_reason="length")
    assert diagnose(prediction, None, Verdict(label == "correct")) == label


def test_every_label_has_three_cases():
    counted = Counter(label for label, *_ in ANSWERS + CUT)
    assert all(counted[label] >= 3 for label in DIAGNOSES)
    assert set(counted) == set(DIAGNOSES)


def test_a_missing_answer_is_no_sql(run):
    prediction = predict(run, None, "SELECT 1", finish_reason="missing")
    missing = Prediction(
        prediction.example,
        SCHEMA,
        prediction.completion,
        prediction.extraction,
        Execution(Status.MISSING),
        prediction.golds,
    )
    assert diagnose(missing, None, None) == "no_sql"


@pytest.mark.parametrize("kind", ["wrong_scope", "unknown_column"])
def test_grounding_decides_whether_a_column_is_elsewhere(run, kind):
    grounding = Grounding((Problem("unknown_table", "species"), Problem(kind, "T1.Species")))
    assert diagnose(predict(run, "SELECT T1.species FROM keeper AS T1", "SELECT 1"), grounding, None) == kind


def test_a_problem_with_another_name_decides_nothing(run):
    grounding = Grounding((Problem("unknown_column", "weight"),))
    assert diagnose(predict(run, "SELECT species FROM keeper", "SELECT 1"), grounding, None) == "wrong_scope"


def test_a_newer_sqlite_quotes_the_name(run):
    error = 'no such column: "species" - should this be a string literal in single-quotes?'
    execution = Execution(Status.ERROR, error=error)
    example = Example(1, "zoo", "?", "SELECT 1")
    prediction = Prediction(example, SCHEMA, Completion(0, ""), Extraction("SELECT"), execution, (run("SELECT 1"),))
    assert diagnose(prediction, None, None) == "wrong_scope"


def test_the_nearest_of_several_golds_decides(run):
    prediction = predict(run, "SELECT name, id FROM keeper", "SELECT COUNT(*) FROM animal", "SELECT name FROM keeper")
    assert diagnose(prediction, None, Verdict(equal=False)) == "extra_columns"


def test_of_several_golds_the_explanation_is_about_the_one_that_decided(run):
    prediction = predict(run, "SELECT DISTINCT keeper_id FROM animal", "SELECT 'x'", "SELECT keeper_id FROM animal")
    label = diagnose(prediction, None, None)
    rows, wanted = (len(one.rows) for one in (prediction.execution, prediction.golds[1]))
    assert label == "duplicates"
    assert (
        explain(prediction, label, None)
        == f"the gold's rows, otherwise repeated: {rows} rows where the gold has {wanted}"
    )


def test_a_gold_that_fails_does_not_matter_beside_one_that_runs(run):
    prediction = predict(run, "SELECT name FROM keeper", "SELECT nmae", "SELECT name FROM keeper")
    assert diagnose(prediction, None, Verdict(equal=True)) == "correct"


def test_a_tied_limit_is_correct_although_rows_differ(run):
    prediction = predict(run, "SELECT 'Bo'", "SELECT 'Ada'")
    assert diagnose(prediction, None, Verdict(equal=True)) == "correct"


def test_without_a_verdict_only_identical_rows_are_right(run):
    assert diagnose(predict(run, "SELECT name FROM keeper", "SELECT name FROM keeper"), None, None) == "correct"
    other = predict(run, "SELECT name FROM keeper ORDER BY id DESC", "SELECT name FROM keeper")
    assert diagnose(other, None, None) == "order"


def test_without_executions_there_is_no_diagnosis():
    prediction = Prediction(Example(1, "zoo", "?", "SELECT 1"), SCHEMA, Completion(0, ""), Extraction(None))
    with pytest.raises(AssertionError, match="needs executions"):
        diagnose(prediction, None, None)


def test_labels_are_closed_and_the_differences_are_among_them():
    assert len(set(DIAGNOSES)) == len(DIAGNOSES) == 23
    assert set(DIFFERENCES) < set(DIAGNOSES)


cells = st.none() | st.integers(-2, 2) | st.floats(allow_nan=False) | st.sampled_from(["", "1", "a", "x y", "2%", b"1"])


@st.composite
def executions(draw):
    status = draw(st.sampled_from(Status))
    if status is not Status.OK:
        named = st.sampled_from(["no such column: ", "no such table: ", "no such function: ", "", "ambiguous column "])
        return Execution(status, error=draw(named) + draw(st.text(max_size=8)))
    width = draw(st.integers(1, 3))
    rows = draw(st.lists(st.tuples(*[cells] * width), max_size=4))
    return Execution(status, tuple("abc"[:width]), tuple(rows))


@given(
    execution=executions(),
    golds=st.lists(executions(), max_size=3),
    sql=st.none() | st.text(max_size=5),
    finish_reason=st.sampled_from(["stop", "length", "missing", "replay"]),
    strict=st.none() | st.builds(Verdict, st.booleans()),
    grounding=st.none() | st.just(Grounding((Problem("wrong_scope", "t.x"),))),
)
def test_any_combination_of_outcomes_has_a_label_and_an_explanation(
    execution, golds, sql, finish_reason, strict, grounding
):
    completion = Completion(0, sql or "", finish_reason=finish_reason)
    example = Example(1, "zoo", "?", "SELECT 1")
    prediction = Prediction(example, SCHEMA, completion, Extraction(sql), execution, tuple(golds))
    label = diagnose(prediction, grounding, strict)
    assert label in DIAGNOSES
    assert isinstance(explain(prediction, label, grounding), str)


@pytest.mark.parametrize(
    ("sql", "gold", "says"),
    [
        ("SELECT nmae FROM keeper", "SELECT 1", "column nmae does not exist; nearest: name"),
        ("SELECT name FROM keepr", "SELECT 1", "table keepr does not exist"),
        ("DELETE FROM keeper", "SELECT 1", "DELETE on keeper is not allowed"),
        ("SELECT 1", "SELECT nmae FROM keeper", "no such column: nmae"),
        ("SELECT name FROM keeper", "SELECT name FROM keeper", ""),
        ("SELECT name FROM keeper WHERE 0", "SELECT name FROM keeper", "0 rows where the gold has 3"),
        ("SELECT species FROM keeper", "SELECT 1", "column species is in another table only"),
        ("SELECT id FROM keeper JOIN animal", "SELECT 1", "column id is in more than one table in scope"),
        (
            "SELECT name || '' FROM keeper",
            "SELECT UPPER(name) FROM keeper",
            "the gold's 3 rows in another type or format",
        ),
        (
            "SELECT DISTINCT 1 FROM keeper",
            "SELECT 1 FROM keeper",
            "the gold's rows, otherwise repeated: 1 row where the gold has 3",
        ),
        (
            "SELECT id, name FROM keeper",
            "SELECT name FROM keeper",
            "id, name where the gold has name; 3 rows where the gold has 3",
        ),
        (
            "SELECT name FROM keeper WHERE id = 1",
            "SELECT name FROM keeper WHERE id > 1",
            "1 row where the gold has 2; each counted once, 1 should not be there and 2 are missing",
        ),
        ("SELECT name FROM keeper ORDER BY id DESC", "SELECT name FROM keeper", "the gold's 3 rows in another order"),
    ],
)
def test_a_label_is_explained_in_a_few_words(run, sql, gold, says):
    prediction = predict(run, sql, gold)
    grounding = Grounding((Problem("unknown_column", "nmae", "name"),))
    assert explain(prediction, diagnose(prediction, grounding, None), grounding) == says
