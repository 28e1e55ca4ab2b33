"""Example + Schema → Prompt: the schema comes first and is a separate prefix that a database's questions share.

| template | shows | meant for |
|---|---|---|
| `plain` | schema, evidence, question, as SQL comments | chat and base models alike |
| `chat` | the same inside the model's chat template | instruction-tuned models |
| `reference` | question and evidence only, completion taken whole | the case study's own prompt |

A prompt over `max_tokens` is shortened in a stated order: column descriptions go first, then tables, those that
share fewest words with the question before others, never the last one. The question and the evidence are never
cut. What was dropped is recorded in `Prompt.shortened`.
"""

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from harness.config import PromptConfig
from harness.errors import ConfigError, DataError
from harness.identifiers import quote
from harness.types import Column, Example, Prompt, Schema, Table

__all__ = [
    "OVER_BUDGET",
    "PROMPT_VERSION",
    "TEMPLATES",
    "PromptBuilder",
    "Template",
    "check_template",
    "read_shots",
    "render_schema",
]

PROMPT_VERSION = 2
"""Raised whenever the same example would give another prompt; it stands in every manifest."""

OVER_BUDGET = "over budget"
INSTRUCTION = "Write one SQLite query that answers the question. Answer with the SQL only."


@dataclass(frozen=True)
class Template:
    """How a prompt is put together.

    `lead` stands behind the schema, in the part that a database's questions share; `suffix` is a format string of
    `question` and `evidence_line`.
    """

    evidence: str
    suffix: str
    lead: str = ""
    schema: bool = True
    chat: bool = False
    extract: bool = True


COMMENTS = Template(evidence="-- Evidence: {evidence}\n", suffix="{evidence_line}-- Question: {question}\n-- SQL:\n")
TEMPLATES = {
    # That line alone takes the untrained Qwen2.5-Coder-1.5B-Instruct from 20.5 to 24.4 % EX on 595 questions.
    "plain": replace(
        COMMENTS, lead="-- Using valid SQLite, answer the question with one query over the tables above.\n"
    ),
    "chat": replace(COMMENTS, suffix="{evidence_line}-- Question: {question}\n-- " + INSTRUCTION, chat=True),
    "reference": Template(
        evidence="Evidence: {evidence}\n",
        suffix="Question: {question}\n{evidence_line}SQL: ",
        schema=False,
        extract=False,
    ),
}

_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")


def check_template(name: str) -> None:
    """Raise `ConfigError` when there is no template of this name."""
    if name not in TEMPLATES:
        raise ConfigError("prompt.template", [f"prompt.template: {name!r} is unknown; known: {', '.join(TEMPLATES)}"])


def render_schema(schema: Schema, *, descriptions: bool = False) -> str:
    """Return the DDL that a prompt shows: one line a table, comments with descriptions where asked."""
    lines = [f"-- SQLite database {schema.db_id}"]
    lines += [_render_table(schema, table, descriptions=descriptions) for table in schema.tables]
    return "\n".join(lines) + "\n"


def _render_table(schema: Schema, table: Table, *, descriptions: bool) -> str:
    parts = [f"{quote(column.name)} {column.type}".rstrip() for column in table.columns]
    if table.primary_key:
        parts.append(f"PRIMARY KEY ({', '.join(map(quote, table.primary_key))})")
    shown = {one.name for one in schema.tables}
    parts += [
        f"FOREIGN KEY ({quote(key.column)}) REFERENCES {quote(key.referred_table)}({quote(key.referred_column)})"
        for key in schema.foreign_keys
        if key.table == table.name and key.referred_table in shown
    ]
    text = f"CREATE TABLE {quote(table.name)} ({', '.join(parts)});"
    notes = [column for column in table.columns if column.description] if descriptions else []
    return "\n".join([text, *(_render_description(column) for column in notes)])


def _render_description(column: Column) -> str:
    return f"-- {column.name}: {_one_line(column.description)}"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _words(*texts: str) -> frozenset[str]:
    return frozenset(word.lower().rstrip("s") for text in texts for word in _WORD.findall(text))


@dataclass(frozen=True)
class PromptBuilder:
    """Builds prompts of one configuration.

    `count_tokens` is what the budget is measured with; without it nothing is shortened. `chat` renders one user
    message with the model's chat template, up to where the answer begins.
    """

    config: PromptConfig
    count_tokens: Callable[[str], int] | None = None
    chat: Callable[[str], str] | None = None
    _prefixes: dict[tuple[Schema, bool], str] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Raise `ConfigError` for a template that does not exist or that this generator cannot serve."""
        check_template(self.config.template)
        if self.template.chat and self.chat is None:
            raise ConfigError("prompt.template", ["`chat` needs a model with a chat template; use `plain`"])

    @property
    def template(self) -> Template:
        """The template in use."""
        return TEMPLATES[self.config.template]

    @property
    def shows_schema(self) -> bool:
        """Whether prompts carry the schema: the template's habit unless the configuration says otherwise."""
        return self.template.schema if self.config.schema is None else self.config.schema

    @cached_property
    def shots(self) -> str:
        """The worked examples of `shots`, rendered with the template; `""` without any."""
        if not self.config.shots:
            return ""
        return "".join(f"{self._suffix(*shot[:2])}{shot[2]}\n\n" for shot in read_shots(Path(self.config.shots)))

    @property
    def manifest(self) -> dict[str, Any]:
        """What a run's manifest says of its prompts: version, options and a hash over everything that shapes them."""
        about = {"version": PROMPT_VERSION, **asdict(self.config), "template_text": asdict(self.template)}
        digest = hashlib.sha256(json.dumps([about, self.shots], sort_keys=True).encode()).hexdigest()
        return {"version": PROMPT_VERSION, "template": self.config.template, "sha256": digest}

    def build(self, index: int, example: Example, schema: Schema) -> Prompt:
        """Return the prompt of an example, shortened until it respects `max_tokens`."""
        suffix = self._suffix(example.question, example.evidence)
        shortened: tuple[str, ...] = ()
        descriptions = bool(self.config.descriptions)
        while True:
            prompt = self._assemble(index, self._prefix(schema, descriptions=descriptions), suffix)
            prompt = replace(prompt, shortened=shortened)
            if self.count_tokens is None:
                return prompt
            prompt = replace(prompt, tokens=self.count_tokens(prompt.text))
            if prompt.tokens <= self.config.max_tokens:
                return prompt
            if descriptions and self.shows_schema:
                descriptions, shortened = False, (*shortened, "descriptions")
            elif self.shows_schema and len(schema.tables) > 1:
                schema, dropped = _drop_least_linked(schema, _words(example.question, example.evidence))
                shortened = (*shortened, f"table {dropped}")
            else:
                return replace(prompt, shortened=(*shortened, OVER_BUDGET))

    def _suffix(self, question: str, evidence: str) -> str:
        line = self.template.evidence.format(evidence=_one_line(evidence)) if evidence.strip() else ""
        return self.template.suffix.format(question=_one_line(question), evidence_line=line)

    def _prefix(self, schema: Schema, *, descriptions: bool) -> str:
        if not self.shows_schema:
            return self.shots
        key = (schema, descriptions)
        if key not in self._prefixes:
            shown = render_schema(schema, descriptions=descriptions)
            self._prefixes[key] = shown + self.template.lead + self.shots
        return self._prefixes[key]

    def _assemble(self, index: int, prefix: str, suffix: str) -> Prompt:
        if not self.template.chat or self.chat is None:
            return Prompt(index, prefix, suffix)
        rendered = self.chat(prefix + suffix)
        boundary = rendered.index(prefix) + len(prefix)
        return Prompt(index, rendered[:boundary], rendered[boundary:])


def _drop_least_linked(schema: Schema, words: frozenset[str]) -> tuple[Schema, str]:
    def links(table: Table) -> int:
        named = _words(table.name, *(column.name for column in table.columns))
        return len(named & words) + 2 * len(_words(table.name) & words)

    # Of equally linked tables the last one goes first: data sets tend to list the central tables early.
    dropped = min(reversed(schema.tables), key=links)
    kept = tuple(table for table in schema.tables if table is not dropped)
    return replace(schema, tables=kept), dropped.name


def read_shots(path: Path) -> list[tuple[str, str, str]]:
    """Read worked examples as (question, evidence, SQL); raises `DataError` when the file is not what it must be."""
    try:
        items = json.loads(path.read_text(encoding="utf-8"))
        return [(item["question"], item.get("evidence", ""), item["SQL"]) for item in items]
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise DataError(
            f"{path}: not a list of objects with `question` and `SQL` ({error}); see prompt.shots in the README"
        ) from error
