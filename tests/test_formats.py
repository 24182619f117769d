"""What an earlier version saved still loads. A new format adds files here and leaves these alone."""

from pathlib import Path

from hash_encoder import HashEncoder

import nearfield as nf
from nearfield.collection.manifest import Manifest

FORMATS = Path(__file__).parent / "formats"


def test_a_report_of_format_1_loads():
    report = nf.ComparisonReport.load(FORMATS / "report-1.json")
    assert [candidate.name for candidate in report.candidates] == ["bm25", "hybrid:hash"]
    assert report.candidate("hybrid:hash").retriever.legs == ("bm25", "hash")
    assert report.protocol.records == 6


def test_a_manifest_of_format_1_loads_and_still_knows_its_encoder():
    manifest = Manifest.from_bytes((FORMATS / "manifest-1.json").read_bytes(), address="here")
    assert manifest.state == "ready"
    assert manifest.store.sparse == ("bm25",)
    manifest.check_encoder(HashEncoder())


def test_a_space_of_format_1_loads():
    space = nf.load_space(FORMATS / "space-1")
    assert list(space.keys) == ["cat", "naïve", "two words"]
    assert space.vectors.tolist() == [[1, 2], [3, 4], [5, 6]]
    assert space.counts is not None
    assert space.counts.tolist() == [3, 2, 1]
    assert space["unseen"].tolist() == [2, 3]
    assert space.about == {"made": "by hand"}
