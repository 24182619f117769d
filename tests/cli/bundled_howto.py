"""The bundled notes as files, and what the suites of the command line share."""

import json
from pathlib import Path
from typing import Any

import pytest

import nearfield

_FOLDER = Path(nearfield.__file__).parent / "data" / "bundled" / "howto"
CORPUS, QUERIES, QRELS = _FOLDER / "corpus.jsonl", _FOLDER / "queries.jsonl", _FOLDER / "qrels" / "test.tsv"
JUDGED = ("--queries", QUERIES, "--qrels", QRELS)
ENCODER = "all-MiniLM-L6-v2"
CANDIDATES = ("tfidf", "bm25", ENCODER)
QUESTION = "how to fix a leaking faucet"
ANSWERS = {"plumbing-repair", "water-tap-maintenance"}


def strict_json(text: str) -> Any:
    """Read one JSON document that holds no NaN or Infinity."""
    return json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
