"""How many answers of one file are those of another, character by character, question by question.

    python scripts/generation/agreement.py REFERENCE.answers.json NAME=FILE.answers.json ... --out FILE.json

The files are what `benchmarks/generation/speed.py` writes beside its figures. Written are the ids of the questions and
for each file a word of 0 and 1, one character a question; printed is the share of ones. Exit code 2 where files have
other questions than the reference.
"""

import argparse
import json
import sys
from pathlib import Path


def main() -> int:
    """Compare, write, print, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("reference", type=Path)
    parser.add_argument("others", nargs="+", metavar="NAME=FILE")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    reference = _read(options.reference)
    same = {}
    for named in options.others:
        name, _, path = named.partition("=")
        answers = _read(Path(path))
        if answers.keys() != reference.keys():
            print(f"{path}: has other questions than {options.reference}", file=sys.stderr)
            return 2
        same[name] = "".join(str(int(answers[one] == reference[one])) for one in reference)
        print(f"{name}: {100 * same[name].count('1') / len(reference):.2f} % of {len(reference)}")
    written = {"reference": options.reference.name, "questions": list(reference), "same": same}
    options.out.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")
    return 0


def _read(path: Path) -> dict[str, str]:
    answers = json.loads(path.read_text(encoding="utf-8"))
    return {str(one["question_id"]): one["SQL"] for one in sorted(answers, key=lambda one: int(one["question_id"]))}


if __name__ == "__main__":
    sys.exit(main())
