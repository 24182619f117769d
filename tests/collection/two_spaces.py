"""What the tests of moving collections share: two encoders, records, and what a whole collection is."""

import numpy as np
from hash_encoder import HashEncoder

from nearfield.data.records import Record

OLD, NEW = HashEncoder(16), HashEncoder(24, seed=1)
ENCODERS = {encoder.spec.fingerprint: encoder for encoder in (OLD, NEW)}


def some_records(count):
    return [Record(f"r{i}", f"word{i % 9} word{i % 7} text {i}", "", {"n": i}) for i in range(count)]


def require_whole(collection, encoder, records):
    """All records, each with the vector that this encoder gives it, and nothing else."""
    assert sorted(collection, key=lambda record: record.id) == sorted(records, key=lambda record: record.id)
    require_one_space(collection, encoder)


def require_one_space(collection, encoder):
    points = list(collection.store.scroll(with_vectors=True))
    assert len(points) == collection.count()
    wanted = encoder.encode([point.payload.text for point in points])
    np.testing.assert_allclose(np.stack([point.vector for point in points]), wanted, atol=1e-6)
    assert collection.manifest.encoder.fingerprint == encoder.spec.fingerprint
    assert collection.encoder.spec == encoder.spec
    collection.manifest.check_encoder(encoder)  # the canaries
