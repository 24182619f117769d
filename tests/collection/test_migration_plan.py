import pytest
from hash_encoder import HashEncoder

from nearfield.collection.build import build_collection
from nearfield.collection.migration_plan import plan_migration
from nearfield.data.records import Record
from nearfield.encoders.load import load_encoder
from nearfield.errors import CapabilityError

RECORDS = [Record(f"r{i}", f"word{i} two three", "Title", {}) for i in range(130)]
CHARACTERS = sum(len(record.content) for record in RECORDS)


@pytest.fixture
def path(tmp_path, encoder):
    build_collection(tmp_path / "c", RECORDS, "hash", encoder=encoder)[0].close()
    return tmp_path / "c"


def test_a_plan_counts_measures_and_writes_nothing(path):
    before = sorted(entry.name for entry in path.iterdir())
    new = HashEncoder(600, seed=1)
    plan = plan_migration(path, new)
    assert (plan.records, plan.characters, plan.requests, plan.sample) == (130, CHARACTERS, 0, 100)
    assert plan.tokens == pytest.approx(4 * 130, rel=0.02)
    assert new.encoded == 101
    assert plan.seconds > 0
    assert plan.disk_bytes > 130 * (600 - 16) * 5
    assert "130 records" in str(plan)
    assert sorted(entry.name for entry in path.iterdir()) == before


def test_a_service_is_priced_and_not_asked(path, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    plan = plan_migration(path, load_encoder("openai:text-embedding-3-small"))
    assert (plan.records, plan.requests, plan.seconds, plan.sample) == (130, 2, None, 0)
    assert 0 < plan.dollars < 0.01
    assert "for about < $0.01" in str(plan)


def test_an_empty_collection_takes_nothing(tmp_path, encoder):
    from nearfield.collection.collection import Collection

    Collection.create(tmp_path / "e", "hash", encoder=encoder).close()
    plan = plan_migration(tmp_path / "e", HashEncoder(8, seed=1))
    assert (plan.records, plan.seconds, plan.tokens) == (0, 0, 0)


def test_words_have_no_encoder_to_replace(tmp_path):
    build_collection(tmp_path / "w", RECORDS, "bm25")[0].close()
    with pytest.raises(CapabilityError, match="ranks by bm25, without an encoder"):
        plan_migration(tmp_path / "w", HashEncoder())
