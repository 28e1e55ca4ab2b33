from reports.systems import view_run
from reports.training import read_training
from reports.view import build_page


def test_a_page_holds_every_run_in_the_order_given(make_run):
    runs = [make_run("b", [1.0]), make_run("a", [0.0])]
    page = build_page(runs)
    assert list(page.runs) == [view_run(run) for run in runs]
    assert [name for name, _ in page.definitions] == ["execution_accuracy", "soft_f1"]


def test_the_drill_down_is_judged_by_the_metric_that_ranks_and_begins_with_the_best_run(make_run):
    page = build_page([make_run("base", [0.0]), make_run("best", [1.0])])
    assert page.boards[0].primary == "execution_accuracy"
    assert page.drill_down["chosen"] == 1
    assert [run.name for run in page.incomplete] == []


def test_without_a_complete_run_nothing_is_ranked(make_run):
    page = build_page([make_run("half", [0.0], complete=False)])
    assert page.boards == ()
    assert [run.name for run in page.incomplete] == ["half"]


def test_what_is_expected_and_not_there_is_named_with_the_reason(make_run, tmp_path):
    generator = {"name": "huggingface", "model": "m", "adapter": "adapters/qwen"}
    folder = tmp_path / "falcon"
    folder.mkdir()
    (folder / "log.jsonl").write_text('{"step": 1, "loss": 0.5}\n')
    page = build_page(
        [make_run("0002_qwen", [1.0], generator=generator)],
        [read_training(folder)],
        ["qwen", "0002_qwen", "falcon", "starcoder2", "big=does not fit into 6 GB"],
    )
    assert [(one.name, one.why) for one in page.missing] == [
        ("falcon", "its adapter is there and was not evaluated; tox -e eval does it"),
        (
            "starcoder2",
            "no run uses an adapter of this name; make one with tox -e train-starcoder2, then tox -e eval",
        ),
        ("big", "does not fit into 6 GB"),
    ]


def test_a_folder_of_weights_that_bears_an_adapters_name_is_no_adapter(make_run):
    base = make_run("base", [1.0], generator={"name": "huggingface", "model": "models/qwen"})
    assert [one.name for one in build_page([base], expected=["qwen"]).missing] == ["qwen"]


def test_every_two_runs_of_a_board_come_with_their_flips_and_test(make_run):
    runs = [make_run("a", [0.0] * 6), make_run("b", [1.0] * 6), make_run("c", [1.0, 0.0, 0.0, 0.0, 0.0, 0.0])]
    pairs = [[*numbers, p.replace("\N{NO-BREAK SPACE}", " ")] for *numbers, p in build_page(runs).drill_down["pairs"]]
    assert pairs == [
        [0, 1, 6, 0, "p = 0.0312 (exact McNemar)"],
        [0, 2, 1, 0, "p = 1.0000 (exact McNemar)"],
        [1, 2, 0, 5, "p = 0.0625 (exact McNemar)"],
    ]
