import json
import shutil
import sqlite3
from importlib.resources import as_file, files

import pytest

from harness.cli import main


def run(capsys, *words):
    """Run `t2s`; return its exit code, standard output and standard error."""
    with pytest.raises(SystemExit) as left:
        main(["data", *map(str, words)])
    captured = capsys.readouterr()
    return left.value.code, captured.out, captured.err


@pytest.fixture
def folder(tmp_path):
    """A copy of the shipped set that may be damaged."""
    with as_file(files("harness") / "datasets" / "mini") as shipped:
        shutil.copytree(shipped, tmp_path / "data")
    return tmp_path / "data"


def test_list_names_every_source_with_licence_size_and_address(capsys):
    code, out, _ = run(capsys, "list")
    assert code == 0
    for expected in ("mini", "bird-mini-dev", "bird-dev", "bird-train", "spider", "CC BY-SA 4.0", "https://", "GB"):
        assert expected in out


def test_check_of_a_sound_folder_exits_0(capsys, folder):
    code, out, _ = run(capsys, "check", folder, "--workers", 1)
    assert code == 0, out
    assert out.splitlines()[-1].endswith("sound, 0 notes") or "sound" in out.splitlines()[-1]
    assert "sha256" in out


def test_check_prints_every_problem_and_exits_2(capsys, folder):
    items = json.loads((folder / "dev.json").read_text(encoding="utf-8"))
    items[0]["SQL"] = "SELECT nonsense FROM nowhere"
    items[1]["question_id"] = items[2]["question_id"]
    (folder / "dev.json").write_text(json.dumps(items), encoding="utf-8")
    code, out, _ = run(capsys, "check", folder, "--workers", 1)
    assert code == 2
    assert "no such table: nowhere" in out
    assert "more than once" in out
    assert "2 problems" in out.splitlines()[-1]


def test_golds_that_are_not_linted_are_not_passed_over_in_silence(capsys, folder):
    (folder / "dev.json").write_text("[]")
    code, out, _ = run(capsys, "check", folder, "--lint")
    assert code == 2
    assert "note: golds were not linted: first mend the problems" in out


def test_one_problem_is_no_problems(capsys, folder):
    (folder / "dev.json").write_text("[]")
    code, out, _ = run(capsys, "check", folder, "--workers", 1)
    assert code == 2
    assert "problem: dev.json: holds no question; check the file" in out
    assert "dev: 1 problem, 0 notes" in out


def test_check_of_questions_alone_is_a_note_and_exits_0(capsys, folder):
    shutil.rmtree(folder / "dev_databases")
    code, out, _ = run(capsys, "check", folder, "--workers", 1)
    assert code == 0
    assert "note: questions only" in out


def test_check_as_json_is_one_json_object(capsys, folder):
    code, out, _ = run(capsys, "check", folder, "--workers", 1, "--json")
    assert code == 0
    assert json.loads(out)["problems"] == []


def test_stats_prints_a_table_and_writes_the_rest(capsys, tmp_path):
    target = tmp_path / "new" / "eda.json"
    code, out, _ = run(capsys, "stats", "mini", "--split", "train", "--sample", 0.45, "--out", target)
    assert code == 0
    assert "questions" in out
    assert "before" in out
    found = json.loads(target.read_text(encoding="utf-8"))
    assert found["after"]["questions"] == round(0.45 * found["before"]["questions"])
    assert found["fraction"] == 0.45


def test_stats_names_a_folder_as_it_is_called(capsys, folder, monkeypatch):
    folder.rename(folder.parent / "r[bold]x")
    monkeypatch.chdir(folder.parent)
    assert "r[bold]x dev" in run(capsys, "stats", "r[bold]x")[1]


@pytest.mark.parametrize("place", [".", "file/below.json"])
def test_stats_for_a_place_that_holds_no_file_is_one_message_and_exit_code_3(capsys, tmp_path, place):
    (tmp_path / "file").write_text("")
    code, _, err = run(capsys, "stats", "mini", "--out", tmp_path / place)
    assert code == 3
    assert "cannot be written" in err
    assert "choose another place" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("stats", "mini", "--sample", 1.5), "fraction"),
        (("stats", "nowhere"), "no such folder"),
        (("fetch", "wikisql"), "unknown data set"),
        (("check",), "DIR"),
        (("check", "mini", "--timeout-s", "inf"), "timeout_s must be a number of at most 86400"),
        (("check", "mini", "--workers", "-1"), "workers"),
    ],
)
def test_a_users_mistake_is_one_message_and_exit_code_2(capsys, words, message):
    code, out, err = run(capsys, *words)
    assert code == 2
    assert message in out + err
    assert "Traceback" not in out + err


def test_a_split_that_is_not_there_is_a_problem_of_the_folder(capsys):
    code, out, _ = run(capsys, "check", "mini", "--split", "mini_dev")
    assert code == 2
    assert "this folder has dev, train" in out


def test_lint_names_the_doubtful_golds_and_a_doubt_is_no_defect(capsys, tmp_path):
    database = tmp_path / "dev_databases" / "shop" / "shop.sqlite"
    database.parent.mkdir(parents=True)
    connection = sqlite3.connect(database)
    connection.executescript("CREATE TABLE item (name TEXT, price INT); INSERT INTO item VALUES ('a', 2), ('b', 2)")
    connection.close()
    gold = "SELECT name FROM item ORDER BY price DESC LIMIT 1"
    item = {"question_id": 7, "db_id": "shop", "question": "The dearest?", "evidence": "", "SQL": gold}
    (tmp_path / "dev.json").write_text(json.dumps([item]))
    code, out, _ = run(capsys, "check", tmp_path, "--lint")
    assert code == 0
    assert "note: question 7: tie_at_limit: " in out
    assert "tie_at_limit" not in run(capsys, "check", tmp_path)[1]


def test_grammar_names_each_gold_that_a_constrained_model_could_not_write(capsys, folder):
    items = json.loads((folder / "dev.json").read_text(encoding="utf-8"))
    items[0]["SQL"] = "SELECT nonsense FROM nowhere"
    items[1]["SQL"] = f"{items[1]['SQL']} -- done"
    (folder / "dev.json").write_text(json.dumps(items), encoding="utf-8")
    code, out, _ = run(capsys, "check", folder, "--grammar", "--workers", 1, "--min-rate", 0.9)
    assert code == 0, out
    assert f"question {items[1].get('question_id', 1)}: rejected at '-'" in out
    assert "not counted: 1 that SQLite does not prepare on the schema, 1 of them rejected" in out
    prepared = len(items) - 1
    last = f"grammar: {prepared - 1} of {prepared} accepted ({100 * (prepared - 1) / prepared:.2f} %)"
    assert out.splitlines()[-1] == last


def test_a_grammar_that_accepts_too_few_golds_exits_1(capsys, folder):
    items = json.loads((folder / "dev.json").read_text(encoding="utf-8"))
    for item in items[:5]:
        item["SQL"] += " -- done"
    (folder / "dev.json").write_text(json.dumps(items), encoding="utf-8")
    code, out, _ = run(capsys, "check", folder, "--grammar", "--workers", 1)
    assert code == 1, out
    assert "grammar: " in out.splitlines()[-1]


def test_the_grammar_is_checked_alone(capsys, folder):
    code, _, err = run(capsys, "check", folder, "--grammar", "--lint")
    assert code == 2
    assert "--grammar checks the grammar alone" in err
