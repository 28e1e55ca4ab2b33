"""Example + Schema → Prompt."""

import json
import re

import pytest

from harness.config import PromptConfig
from harness.errors import ConfigError, DataError
from harness.prompts import OVER_BUDGET, TEMPLATES, PromptBuilder, render_schema
from harness.types import Column, Example, ForeignKey, Schema, Table

SCHEMA = Schema(
    "shop",
    (
        Table("item", (Column("id", "INTEGER"), Column("unit price", "REAL", "price in euros")), ("id",)),
        Table("sale", (Column("item_id", "INTEGER"), Column("day", "DATE"))),
        Table("order", (Column("weight", "REAL"),)),
    ),
    (ForeignKey("sale", "item_id", "item", "id"),),
)
EXAMPLE = Example(7, "shop", "What did the dearest\nitem cost?", "SELECT …", evidence="dearest refers to MAX(price)")


def words(text):
    return len(re.findall(r"\w+", text))


def test_the_schema_is_the_prefix_and_the_question_the_suffix():
    prompt = PromptBuilder(PromptConfig()).build(3, EXAMPLE, SCHEMA)
    assert prompt.index == 3
    assert prompt.prefix == render_schema(SCHEMA) + TEMPLATES["plain"].lead
    assert prompt.suffix == (
        "-- Evidence: dearest refers to MAX(price)\n-- Question: What did the dearest item cost?\n-- SQL:\n"
    )


def test_the_schema_is_ddl_with_odd_names_in_backticks_and_keys_between_shown_tables():
    assert render_schema(SCHEMA).splitlines() == [
        "-- SQLite database shop",
        "CREATE TABLE item (id INTEGER, `unit price` REAL, PRIMARY KEY (id));",
        "CREATE TABLE sale (item_id INTEGER, day DATE, FOREIGN KEY (item_id) REFERENCES item(id));",
        "CREATE TABLE `order` (weight REAL);",
    ]


def test_questions_of_one_database_share_the_very_same_prefix():
    builder = PromptBuilder(PromptConfig(descriptions=True))
    other = Example(8, "shop", "How many sales?", "SELECT …")
    assert builder.build(0, EXAMPLE, SCHEMA).prefix is builder.build(1, other, SCHEMA).prefix


def test_an_absent_evidence_leaves_no_line():
    assert "Evidence" not in PromptBuilder(PromptConfig()).build(0, Example(1, "shop", "?", ""), SCHEMA).text


def test_a_long_prompt_loses_descriptions_first_and_then_the_least_linked_tables():
    full = words(PromptBuilder(PromptConfig(descriptions=True)).build(0, EXAMPLE, SCHEMA).text)
    tight = {tokens: _build(tokens).shortened for tokens in (full, full - 1, full - 8)}
    assert tight[full] == ()
    assert tight[full - 1] == ("descriptions",)
    assert tight[full - 8] == ("descriptions", "table order")


def test_the_question_survives_any_budget_and_the_excess_is_reported():
    prompt = _build(1)
    assert prompt.shortened == ("descriptions", "table order", "table sale", OVER_BUDGET)
    assert "dearest item" in prompt.suffix
    assert prompt.tokens == words(prompt.text)


def _build(max_tokens):
    builder = PromptBuilder(PromptConfig(max_tokens=max_tokens, descriptions=True), count_tokens=words)
    return builder.build(0, EXAMPLE, SCHEMA)


def test_the_chat_template_is_split_behind_the_schema():
    builder = PromptBuilder(PromptConfig(template="chat"), chat=lambda user: f"<user>{user}</user><assistant>")
    prompt = builder.build(0, EXAMPLE, SCHEMA)
    assert prompt.prefix == "<user>" + render_schema(SCHEMA)
    assert prompt.suffix.endswith("</user><assistant>")


def test_the_reference_template_shows_no_schema_unless_asked():
    bare = PromptBuilder(PromptConfig(template="reference")).build(0, EXAMPLE, SCHEMA)
    assert bare.text == "Question: What did the dearest item cost?\nEvidence: dearest refers to MAX(price)\nSQL: "
    asked = PromptBuilder(PromptConfig(template="reference", schema=True)).build(0, EXAMPLE, SCHEMA)
    assert asked.prefix == render_schema(SCHEMA)
    assert not TEMPLATES["reference"].extract


def test_worked_examples_stand_behind_the_schema(tmp_path):
    shots = tmp_path / "shots.json"
    shots.write_text(json.dumps([{"question": "How many items?", "SQL": "SELECT COUNT(*) FROM item"}]))
    prompt = PromptBuilder(PromptConfig(shots=str(shots))).build(0, EXAMPLE, SCHEMA)
    assert prompt.prefix.endswith("-- Question: How many items?\n-- SQL:\nSELECT COUNT(*) FROM item\n\n")


def test_a_shots_file_of_another_shape_is_named(tmp_path):
    shots = tmp_path / "shots.json"
    shots.write_text('[{"question": "How many?"}]')
    with pytest.raises(DataError, match=r"shots\.json: not a list of objects"):
        PromptBuilder(PromptConfig(shots=str(shots))).build(0, EXAMPLE, SCHEMA)


def test_the_hash_changes_with_everything_that_shapes_a_prompt(tmp_path):
    shots = tmp_path / "shots.json"
    shots.write_text(json.dumps([{"question": "?", "SQL": "SELECT 1"}]))
    configs = [
        PromptConfig(),
        PromptConfig(max_tokens=100),
        PromptConfig(descriptions=True),
        PromptConfig(template="reference"),
        PromptConfig(shots=str(shots)),
    ]
    hashes = [PromptBuilder(config).manifest["sha256"] for config in configs]
    shots.write_text(json.dumps([{"question": "?", "SQL": "SELECT 2"}]))
    hashes.append(PromptBuilder(configs[-1]).manifest["sha256"])
    assert len(set(hashes)) == 6


def test_an_unknown_template_and_a_model_without_chat_are_configuration_errors():
    with pytest.raises(ConfigError, match="'plian' is unknown"):
        PromptBuilder(PromptConfig(template="plian"))
    with pytest.raises(ConfigError, match="chat template"):
        PromptBuilder(PromptConfig(template="chat"))
