import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.execution import statement
from harness.execution.statement import describe_command, is_deterministic, leading_keyword, strip_leading


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT random()",
        "SELECT hex(RandomBlob(8))",
        "SELECT CURRENT_TIMESTAMP",
        "SELECT date('now', '-1 day')",
        "SELECT strftime('%Y', 'NOW')",
        "SELECT strftime('%Y')",
        "SELECT strftime ( '%Y' ) - 3",
        "SELECT date()",
        "SELECT julianday(/* today */)",
        'SELECT "datetime" ( )',
        "SELECT last_insert_rowid()",
        "SELECT 1 -- \n, random()",
    ],
)
def test_what_changes_between_two_calls_is_not_deterministic(sql):
    assert not is_deterministic(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1",
        "SELECT date('2020-01-01'), strftime('%Y', birthday) FROM patient",
        "SELECT date FROM visit WHERE time > '10:00'",
        "SELECT * FROM randomised -- random()",
        "SELECT 'random()' /* random() */",
        "SELECT sqlite_version()",
        "SELECT known FROM t",
    ],
)
def test_everything_else_is(sql):
    assert is_deterministic(sql)


@given(st.lists(st.sampled_from([" ", "\n", "\t", ";", "\ufeff", "-- a;b\n", "/* c -- */"])).map("".join))
def test_what_sqlite_skips_is_skipped(leading):
    assert strip_leading(f"{leading}SELECT 1") == "SELECT 1"
    assert strip_leading(leading) == ""


def test_the_first_word_says_what_a_statement_is():
    assert leading_keyword("select 1") == "SELECT"
    assert leading_keyword("(select 1)") == ""
    assert describe_command("drop  Table x") == "DROP TABLE"
    assert describe_command("vacuum into 'x'") == "VACUUM"
    assert describe_command("SELECT 1 FROM Pragma_Table_Info('x')") == "table-valued function pragma_table_info"


@given(st.text())
def test_any_text_can_be_looked_at(sql):
    assert isinstance(is_deterministic(sql), bool)
    assert sql.endswith(strip_leading(sql))
    leading_keyword(sql)
    describe_command(sql)


WORDS = ["SELECT ", "'now'", "'NOW'", "'%Y'", "-- ", "\n", *"()`\"', "]
WORDS += [
    "strftime",
    "DateTime",
    "time",
    "date",
    "known",
    "random",
    "randomblob",
    "Current_Date",
    "julianday",
    "changes",
]


@given(st.lists(st.sampled_from(WORDS)).map("".join))
def test_the_quick_look_for_volatile_words_never_overlooks_one(sql):
    if statement._VOLATILE.search(statement._COMMENT_OR_TEXT.sub(statement._keep_now, sql)):
        assert not is_deterministic(sql)
