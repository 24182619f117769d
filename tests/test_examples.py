"""Each example runs as it stands, offline, in an empty folder, and prints what it promises."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
PRINTED = {
    "bank_in_context": ["river ~ river", "a tree of the six, cut in two: river | money", "money against river"],
    "build_and_search": ["44 notes, 44 written now", "Water tap maintenance", "after a change: Our kitchen faucet"],
    "classic_demonstrations": [
        "cat ~ dog: one-hot 0.00, dense ",
        "cat ~ quantum: one-hot 0.00, dense 0.",
        "king - man + woman: queen",
        "─ cat, dog\n",
    ],
    "choose_a_retriever": ["ndcg@10", "build all-MiniLM-L6-v2"],
    "image_search": ["3 images", "1.00  tomato.png  photos/tomato.png"],
    "migrate_encoder": [
        "to all-MiniLM-L6-v2: 44 records",
        "agreement: passed",
        "45 records, ranked by all-MiniLM-L6-v2\nfound: note\n",
        "back to nearfield-static, with 1 record written since",
    ],
    "own_encoder": ["bm25+mine", "bicycles: ['bicycle-brakes'"],
    "resume_indexing": [
        "the database went away; 2000 notes are safe",
        "not complete yet",
        "5000 notes: 3000 written, 2000 unchanged",
        "5000 notes: 5 written, 4995 unchanged",
        "['note-0']",
    ],
    "tree_of_words": ["35 keys, average linkage", "animal.n.01: 3", "dendrogram purity"],
}
LEFT = {
    "bank_in_context": set(),
    "build_and_search": {"howto.collection"},
    "choose_a_retriever": {"report.html", "report.json"},
    "classic_demonstrations": set(),
    "image_search": {"photos", "photos.collection", "cherry.png"},
    "migrate_encoder": {"howto.collection"},
    "own_encoder": {"mine.collection"},
    "resume_indexing": {"notes.collection"},
    "tree_of_words": {"tree.html"},
}


def test_every_example_is_run_and_short():
    assert {path.stem for path in EXAMPLES.glob("*.py")} == PRINTED.keys() == LEFT.keys()
    assert all(len(path.read_text().splitlines()) <= 60 for path in EXAMPLES.glob("*.py"))


@pytest.mark.parametrize("name", sorted(PRINTED))
def test_an_example_runs_and_prints_what_it_promises(name, tmp_path):
    done = subprocess.run(
        [sys.executable, "-W", "error", str(EXAMPLES / f"{name}.py")],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | {"HF_HUB_OFFLINE": "1"},
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")
    for text in PRINTED[name]:
        assert text in done.stdout
    assert {path.name for path in tmp_path.iterdir()} == LEFT[name]
