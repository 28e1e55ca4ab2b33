import pytest

from reports.wording import METRICS, count, define, p_value, percent, points

DEFAULT_METRICS = (
    "valid_sql_raw valid_sql prepares grounded ast_equivalent execution_accuracy execution_accuracy_strict"
    " execution_accuracy_lenient soft_f1 ves r_ves efficiency test_suite_accuracy exact_set_match"
)


@pytest.mark.parametrize(
    ("value", "text"), [(0.27899, "27.90 %"), (1.0, "100.00 %"), (0.0, "0.00 %"), (1.25, "125.00 %"), (None, "–")]
)
def test_fractions_are_shown_as_percent_with_two_decimals(value, text):
    assert percent(value).replace("\N{NO-BREAK SPACE}", " ") == text


@pytest.mark.parametrize(("change", "text"), [(0.225, "+22.50"), (-0.01, "−1.00"), (0.0, "0.00"), (-0.00001, "0.00")])
def test_changes_are_signed_points_and_nothing_is_zero_without_a_sign(change, text):
    assert points(change) == text


@pytest.mark.parametrize(("p", "text"), [(0.03125, "p = 0.0312"), (1.0, "p = 1.0000"), (3e-9, "p < 0.0001")])
def test_p_values_are_rounded_or_bounded(p, text):
    assert p_value(p).replace("\N{NO-BREAK SPACE}", " ") == text


def test_counts_agree_with_their_noun():
    assert [count(number, "question").replace("\N{NO-BREAK SPACE}", " ") for number in (1, 1534)] == [
        "1 question",
        "1,534 questions",
    ]


def test_every_metric_of_the_program_has_a_title_and_a_sentence():
    assert set(METRICS) == set(DEFAULT_METRICS.split())
    assert all(text.title and text.definition.endswith(".") for text in METRICS.values())


def test_an_unknown_metric_is_called_by_its_name():
    assert define("my_metric").title == "my_metric"
