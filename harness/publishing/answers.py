"""A record → what is published of it.

Kept are ids, difficulty, the extracted SQL without its comments, status, diagnosis, values of scores, token counts,
and of `analysis` what the summary adds up. What a model wrote around its SQL stays where it is white space, a
semicolon or a fence; a side that holds anything else is told as `…`. SQL that repeats a question, an evidence or a
table's definition is withheld; its scores stay.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from harness.publishing.texts import Texts, strip_comments
from harness.types import Record, Score

__all__ = ["HIDDEN", "PUBLISHED", "fingerprint_gold", "publish_record"]

PUBLISHED = "published"
"""Under this key of `analysis` stands what only a published record has: `around`, `gold_sha256`, `withheld`."""
HIDDEN = "…"
"""Stands for text that is not published."""
ANALYSIS = ("linking", "gaps", "gold_flags")
"""Numbers and words of closed lists; `why` and `gold_error` speak of results and golds."""
SAMPLE = ("finish_reason", "prompt_tokens", "completion_tokens", "logprob", "status", "rows", "correct", "group")

_HARMLESS = re.compile(r"(?:\s|;|```(?:sqlite|sql)?(?=\s|\Z))*", re.IGNORECASE)


def fingerprint_gold(record: Record) -> str:
    """Return the sha256 of a record's gold SQL, also where only that was published; `""` where neither is known."""
    known = record.analysis.get(PUBLISHED, {}).get("gold_sha256")
    if known or not record.gold_sql:
        return str(known or "")
    return hashlib.sha256(record.gold_sql.encode("utf-8", "surrogatepass")).hexdigest()


def publish_record(record: Record, texts: Texts) -> Record:
    """Return the published form of a record."""
    answer = _publish_answer(record.completion, record.sql, texts)
    samples = [_publish_sample(one, texts) for one in record.analysis.get("samples", ())]
    about = {"around": answer["around"], "gold_sha256": fingerprint_gold(record)}
    if any("withheld" in one for one in (answer, *samples)):
        about["withheld"] = True
    return Record(
        question_id=record.question_id,
        db_id=record.db_id,
        difficulty=record.difficulty,
        question="",
        evidence="",
        gold_sql="",
        completion="",
        sql=answer["sql"],
        status=record.status,
        error="",
        diagnosis=record.diagnosis,
        gold_result=None,
        predicted_result=None,
        scores={name: Score(name, score.value) for name, score in record.scores.items()},
        finish_reason=record.finish_reason,
        prompt_tokens=record.prompt_tokens,
        completion_tokens=record.completion_tokens,
        analysis={**_publish_analysis(record.analysis, samples), PUBLISHED: about},
    )


def _publish_analysis(analysis: Mapping[str, Any], samples: list[dict[str, Any]]) -> dict[str, Any]:
    kept = {name: analysis[name] for name in ANALYSIS if name in analysis}
    if analysis.get("gold_error"):
        kept["gold_error"] = True
    if samples:
        kept["samples"] = samples
    if analysis.get("repair"):
        kept["repair"] = _publish_repair(analysis["repair"])
    return kept


def _publish_answer(completion: str, sql: str | None, texts: Texts) -> dict[str, Any]:
    """Return `sql` and what stood `around` it; with `withheld` where the SQL cannot be told."""
    if sql is None:
        return {"sql": None, "around": [_publish_side(completion), ""]}
    before, found, after = completion.rpartition(sql)
    around = [_publish_side(before), _publish_side(after)] if found else [HIDDEN, HIDDEN]
    told = strip_comments(sql)
    if not told or texts.stand_in(told):
        return {"sql": None, "around": around, "withheld": True}
    return {"sql": told, "around": around}


def _publish_side(text: str) -> str:
    return text if _HARMLESS.fullmatch(text) else HIDDEN


def _publish_sample(sample: Mapping[str, Any], texts: Texts) -> dict[str, Any]:
    kept = {name: sample[name] for name in SAMPLE if name in sample}
    kept |= _publish_answer(sample["completion"], sample["sql"], texts)
    if "scores" in sample:
        kept["scores"] = dict(sample["scores"])
    if sample.get("repair"):
        kept["repair"] = _publish_repair(sample["repair"])
    return kept


def _publish_repair(repair: Mapping[str, Any]) -> dict[str, Any]:
    return {"method": repair["method"], "accepted": repair["accepted"]}
