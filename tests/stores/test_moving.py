"""Collections from any back end to the embedded one and back, and from one encoder to another, where they are."""

from contextlib import closing
from itertools import count

import numpy as np
import pytest
from backends import BACKENDS, address_of
from hash_encoder import HashEncoder

from nearfield.collection.build import build_collection
from nearfield.collection.collection import Collection
from nearfield.collection.copy import copy_collection
from nearfield.collection.home import Home
from nearfield.collection.listing import collection_exists, drop_collection
from nearfield.collection.migration import migrate
from nearfield.collection.rollback import roll_back
from nearfield.data.records import Record
from nearfield.errors import CapabilityError

OLD, NEW = HashEncoder(8), HashEncoder(12, seed=1)
RECORDS = [
    Record(f"r{i}\n'", f"word{i % 9} text {i}", f"title {i % 3}", {"n": i, "t": ["é", i / 7]}) for i in range(40)
]
QUERIES = ("word3 text", "title 1", "text 7")

_numbers = count(1)


@pytest.fixture(params=[name for name in BACKENDS if name != "embedded"])
def address(request, servers):
    """Where a collection may be made in each back end; it is removed after the test."""
    found = address_of(servers(request.param)).with_name(f"moving{next(_numbers)}")
    yield found
    if collection_exists(found):
        drop_collection(found)


def retriever_for(address):
    with closing(Home.find(address)) as home:
        return "hybrid:hash" if home.capabilities.sparse else "hash"


def scores(collection):
    return [[hit.score for hit in collection.rank(query, k=10)] for query in QUERIES]


def require_same(collection, encoder):
    assert sorted(collection, key=lambda record: record.id) == sorted(RECORDS, key=lambda record: record.id)
    assert collection.manifest.encoder.fingerprint == encoder.spec.fingerprint
    assert collection.complete


def test_a_collection_goes_to_a_server_and_comes_back_the_same(address, tmp_path):
    with build_collection(tmp_path / "c", RECORDS, retriever_for(address), encoder=OLD)[0] as collection:
        before = scores(collection)
    there = copy_collection(tmp_path / "c", address)
    back = copy_collection(address, tmp_path / "back")
    assert (there.records, there.written, back.written) == (40, 40, 40)
    assert there.checksum == back.checksum
    assert max(there.deviation, back.deviation) < 1e-6
    for place in (address, tmp_path / "back"):
        with Collection.open(place, encoder=OLD) as collection:
            require_same(collection, OLD)
            np.testing.assert_allclose(scores(collection), before, atol=1e-4)
    assert copy_collection(tmp_path / "c", address).written == 0


def test_words_that_a_server_does_not_keep_are_refused_before_anything_is_made(address, tmp_path):
    if retriever_for(address) != "hash":
        pytest.skip("keeps sparse legs")
    build_collection(tmp_path / "c", RECORDS, "hybrid:hash", encoder=OLD)[0].close()
    with pytest.raises(CapabilityError, match="keeps no words, so no bm25; use"):
        copy_collection(tmp_path / "c", address)
    assert not collection_exists(address)


def test_a_collection_on_a_server_is_migrated_and_rolled_back(address):
    build_collection(address, RECORDS, retriever_for(address), encoder=OLD)[0].close()
    assert migrate(address, NEW).cut_over
    with Collection.open(address, encoder=NEW) as collection:
        require_same(collection, NEW)
        assert collection.rank(QUERIES[0], k=3)
        collection.upsert([Record("late", "written since")])
        assert roll_back(collection, encoder=OLD).differing == 1
        collection.delete(["late"])
    with Collection.open(address, encoder=OLD) as collection:
        require_same(collection, OLD)
        assert collection.home.generations() == [1, 2]
