"""A published run → what `verify` can score again, and what it cannot."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from harness.publishing.answers import HIDDEN, PUBLISHED
from harness.store import RECORDS, SUMMARY
from harness.types import Extraction, Record, Run

__all__ = ["Answers", "find_changes", "restore"]

RAW = "valid_sql_raw"
"""The metric that reads what stands around the SQL."""
LEFT_OUT = frozenset({"error", "gold_result", "predicted_result"})
Extract = Callable[[str], Extraction]


@dataclass(frozen=True)
class Answers:
    """What of a run's records can be scored again; of a run that is no publication, all of it.

    `known` says which SQL stands in an answer that is not told whole.
    """

    published: bool = False
    known: Mapping[str, str | None] = field(default_factory=dict)

    def left_out(self, record: Record) -> frozenset[str]:
        """Return the fields and metrics of a record that cannot be compared."""
        if not self.published:
            return frozenset()
        if is_withheld(record):
            return LEFT_OUT | {"sql", "status", "diagnosis", *record.scores}
        return LEFT_OUT | {RAW} if _hides_text(record) else LEFT_OUT

    def carry_over(self, stored: Sequence[Record], fresh: Sequence[Record]) -> list[Record]:
        """Return the fresh records with the stored values where nothing can be scored again."""
        return [_carry(old, new) if _hides_text(old) else new for old, new in zip(stored, fresh, strict=True)]

    def wrap(self, extract: Extract) -> Extract:
        """Return how SQL is found in restored answers: by `extract` where they are told whole."""
        return lambda text: Extraction(self.known[text]) if text in self.known else extract(text)

    def notes(self, records: Sequence[Record]) -> Iterator[str]:
        """Yield what was not compared."""
        if not self.published:
            return
        yield "a publication holds no results and no messages, so none were compared"
        withheld = sum(is_withheld(record) for record in records)
        hidden = sum(RAW in one.scores and _hides_text(one) and not is_withheld(one) for one in records)
        if hidden:
            yield f"{RAW}: not scored again for {hidden} of {len(records)} answers, whose other text is not published"
        if withheld:
            yield f"not scored again: {withheld} of {len(records)} answers, withheld as they hold texts of the data set"


def restore(run: Run) -> tuple[Run, Answers]:
    """Return a run whose records hold answers again, made of what is published of them."""
    if PUBLISHED not in run.manifest:
        return run, Answers()
    restored = [_restore(record) for record in run.records]
    answers = [(record.completion, record.sql) for record in restored]
    answers += [(one["completion"], one["sql"]) for record in restored for one in record.analysis.get("samples", ())]
    known = {text: sql for text, sql in answers if HIDDEN in (text[:1], text[-1:])}
    return replace(run, records=tuple(restored)), Answers(published=True, known=known)


def is_withheld(record: Record) -> bool:
    """Whether the SQL of an answer, or of one of its samples, is not published."""
    return bool(_about(record).get("withheld"))


def _about(record: Record) -> Mapping[str, Any]:
    about: Mapping[str, Any] = record.analysis.get(PUBLISHED, {})
    return about


def _restore(record: Record) -> Record:
    samples = [
        {**one, "completion": _answer(one.get("around"), one["sql"])} for one in record.analysis.get("samples", ())
    ]
    analysis = {**record.analysis, "samples": samples} if samples else record.analysis
    return replace(record, completion=_answer(_about(record).get("around"), record.sql), analysis=analysis)


def _answer(around: Sequence[str] | None, sql: str | None) -> str:
    before, after = around or ("", "")
    return before + (sql or "") + after


def _hides_text(record: Record) -> bool:
    sides = [_about(record).get("around", ()), *(one.get("around", ()) for one in record.analysis.get("samples", ()))]
    return is_withheld(record) or any(HIDDEN in around for around in sides)


def _carry(old: Record, new: Record) -> Record:
    if is_withheld(old):
        return old
    scores = {name: old.scores.get(name, score) if name == RAW else score for name, score in new.scores.items()}
    carried = replace(new, scores=scores)
    samples = [dict(one) for one in new.analysis.get("samples", ())]
    stored = old.analysis.get("samples", ({},))[0].get("scores", {})
    if not samples or RAW not in stored or "scores" not in samples[0]:
        return carried
    samples[0]["scores"] = {**samples[0]["scores"], RAW: stored[RAW]}
    return replace(carried, analysis={**new.analysis, "samples": samples})


def find_changes(run: Run) -> tuple[str, ...]:
    """Return a line for each file of a publication that is not as it was published; none for any other run."""
    if PUBLISHED not in run.manifest:
        return ()
    hashes = run.manifest[PUBLISHED].get("sha256", {})
    files = [run.path / name for name in (RECORDS, SUMMARY)]
    found = {one.name: hashlib.sha256(one.read_bytes()).hexdigest() if one.exists() else "" for one in files}
    return tuple(
        f"{name}: not the file that was published (sha256)" for name in found if hashes.get(name) != found[name]
    )
