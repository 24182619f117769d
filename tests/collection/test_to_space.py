"""A collection's vectors as a space."""

import numpy as np
import pytest
from hash_encoder import HashEncoder

from nearfield.collection.collection import Collection
from nearfield.errors import CapabilityError, DataError

RECORDS = {f"r{number}": f"text number {number}" for number in range(25)}


def test_a_space_holds_every_record_under_its_id(tmp_path):
    encoder = HashEncoder()
    told = []
    with Collection.create(tmp_path / "c", "hash", encoder=encoder) as collection:
        collection.upsert(RECORDS)
        collection.delete(["r3"])
        space = collection.to_space(progress=lambda *step: told.append(step))
    assert sorted(space.keys) == sorted(RECORDS.keys() - {"r3"})
    for key in space.keys:
        np.testing.assert_allclose(space[key], encoder.encode([RECORDS[key]])[0], atol=1e-6)
    assert space.about == {"collection": "c", "encoder": "hash", "fingerprint": encoder.spec.fingerprint}
    assert told[-1] == ("reading", 24, 24)


def test_a_collection_without_vectors_or_records_is_refused(tmp_path):
    with Collection.create(tmp_path / "w", "bm25", sample=["a text"]) as collection:
        collection.upsert(RECORDS)
        with pytest.raises(CapabilityError, match="ranks by bm25, without any vectors; index with an encoder"):
            collection.to_space()
    with (
        Collection.create(tmp_path / "e", "hash", encoder=HashEncoder()) as collection,
        pytest.raises(DataError, match="holds no records, so no vectors"),
    ):
        collection.to_space()
