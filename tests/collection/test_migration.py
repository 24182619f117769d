import itertools
import threading
from contextlib import contextmanager

import pytest
from hash_encoder import HashEncoder
from two_spaces import NEW, OLD, require_whole, some_records

from nearfield.collection.build import build_collection
from nearfield.collection.collection import Collection
from nearfield.collection.gate import GateResult
from nearfield.collection.generations import abandon_migration, drop_previous, pending_manifest, previous_manifest
from nearfield.collection.migration import Migration, migrate
from nearfield.collection.migration_plan import plan_migration
from nearfield.collection.rollback import roll_back
from nearfield.collection.successor import Successor
from nearfield.data.records import Record
from nearfield.errors import (
    CapabilityError,
    CollectionBusyError,
    CollectionError,
    InvalidInputError,
    SpaceMismatchError,
    StoreReplacedError,
)
from nearfield.stores.base import Batch, Payload, StoreConfig

RECORDS = some_records(250)


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch):
    for module in ("follower", "successor"):
        monkeypatch.setattr(f"nearfield.collection.{module}.PAGE", 50)


@pytest.fixture
def path(tmp_path):
    build_collection(tmp_path / "c", RECORDS, "hybrid:hash", encoder=OLD)[0].close()
    return tmp_path / "c"


@pytest.fixture
def collection(path):
    with Collection.open(path, encoder=OLD) as collection:
        yield collection


def passing(old, new):
    return GateResult(True, "test", "fine")


def failing(old, new):
    return GateResult(False, "test", "not fine", {"overlap": 0.1})


def test_a_migrated_collection_holds_the_same_records_in_the_new_space(path):
    summary = migrate(path, NEW, gate=passing, old_encoder=OLD)
    assert (summary.cut_over, summary.records, summary.changed) == (True, 250, 250)
    assert (summary.encoder, summary.retriever) == ("hash", "hybrid:hash")
    with Collection.open(path, encoder=NEW) as collection:
        require_whole(collection, NEW, RECORDS)
        assert collection.complete
        assert collection.store.config.dim == 24
        assert "r7" in {hit.id for hit in collection.search("word7 text 7", k=5)}
    with pytest.raises(SpaceMismatchError):
        Collection.open(path, encoder=OLD)


def test_the_new_encoder_may_be_given_by_name(path, monkeypatch):
    monkeypatch.setattr("nearfield.encoders.load.load_encoder", {"new": NEW}.__getitem__)
    assert plan_migration(path, "new").encoder == NEW.spec.name
    assert migrate(path, "new", old_encoder=OLD).cut_over


def test_the_same_collection_object_changes_over(collection):
    with Migration.begin(collection, NEW) as migration:
        require_whole(collection, OLD, RECORDS)
        migration.run()
        require_whole(collection, NEW, RECORDS)
    collection.upsert([Record("late", "written after the migration")])
    require_whole(collection, NEW, [*RECORDS, Record("late", "written after the migration")])
    assert pending_manifest(collection) is None
    assert previous_manifest(collection).encoder.fingerprint == OLD.spec.fingerprint


def test_migrating_again_to_the_same_encoder_does_nothing(path):
    migrate(path, NEW)
    before = NEW.encoded
    assert migrate(path, NEW).changed == 0
    assert NEW.encoded == before
    with Collection.open(path) as collection, pytest.raises(InvalidInputError, match="holds vectors of hash already"):
        Migration.begin(collection, NEW)


def test_writes_while_it_runs_reach_both_spaces(collection):
    expected = {record.id: record for record in RECORDS}

    def write(what, done, total):
        if what != "migrating" or done not in (100, 200):
            return
        collection.upsert([Record("new", f"new at {done}"), Record("r0", f"changed at {done}"), RECORDS[249]])
        collection.delete([f"r{done + 1}", f"r{done - 99}"])
        collection.delete_where({"n": {"$in": [done + 2, done - 98]}})
        collection.update({"r5": {"n": done}, f"r{240 + done // 100}": {"m": done}})
        expected.update({"new": Record("new", f"new at {done}"), "r0": Record("r0", f"changed at {done}")})
        for number in (done + 1, done - 99, done + 2, done - 98):
            expected.pop(f"r{number}", None)
        for id_, meta in (("r5", {"n": done}), (f"r{240 + done // 100}", {"m": done})):
            expected[id_] = Record(id_, RECORDS[int(id_[1:])].text, "", meta)
        require_whole(collection, OLD, expected.values())

    def gate(old, new):
        collection.upsert([Record("during the gate", "written late")])
        expected["during the gate"] = Record("during the gate", "written late")
        collection.delete(["r9"])
        del expected["r9"]
        return passing(old, new)

    with Migration.begin(collection, NEW) as migration:
        migration.run(gate=gate, progress=write)
    require_whole(collection, NEW, expected.values())
    with_old = roll_back(collection, encoder=OLD)
    assert with_old.differing == 0
    require_whole(collection, OLD, expected.values())


class Writer:
    """A thread's worth of records written, changed and deleted until it is told to stop."""

    def __init__(self, collection, name):
        self.collection, self.name = collection, name
        self.written = {}

    def step(self, number):
        record = Record(f"{self.name}-{number % 20}", f"text {number} of {self.name}")
        self.collection.upsert([record])
        self.written[record.id] = record
        if number % 7 == 0:
            gone = f"{self.name}-{(number + 3) % 20}"
            self.collection.delete([gone])
            self.written.pop(gone, None)


@contextmanager
def at_the_same_time(*steps):
    """Repeat each in a thread of its own, until the block ends; what any of them raised is raised then."""
    stop, failures = threading.Event(), []

    def repeat(step):
        try:
            for number in itertools.takewhile(lambda _: not stop.is_set(), itertools.count()):
                step(number)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=repeat, args=(step,)) for step in steps]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    for failure in failures:
        raise failure


def test_many_threads_search_and_write_and_never_see_a_mix(collection):
    writers = [Writer(collection, name) for name in ("a", "b")]
    searches = [lambda _: require_texts(collection.search("word3 text", k=5))] * 2
    with (
        at_the_same_time(*searches, *(writer.step for writer in writers)),
        Migration.begin(collection, NEW) as migration,
    ):
        assert migration.run(gate=passing).cut_over
    written = [record for writer in writers for record in writer.written.values()]
    require_whole(collection, NEW, [*RECORDS, *written])


def require_texts(hits):
    assert all(hit.text for hit in hits)


def test_a_store_from_before_the_migration_takes_no_more_writes(collection):
    before = collection.store
    migrate_in_place(collection)
    with pytest.raises(StoreReplacedError, match=r"take `collection.store` again"):
        before.upsert(
            Batch(
                ["x"], [Payload("x")], OLD.encode(["x"]), {"bm25": [collection.serving.lexicons["bm25"].document("x")]}
            )
        )
    assert len(list(before.scroll())) == 250  # who reads in it still can


def migrate_in_place(collection, encoder=NEW, **options):
    with Migration.begin(collection, encoder) as migration:
        return migration.run(**options)


def test_a_failed_gate_leaves_the_old_space_serving_and_the_new_one_to_look_at(path):
    summary = migrate(path, NEW, gate=failing, old_encoder=OLD)
    assert not summary.cut_over
    assert summary.gate.figures["overlap"] == 0.1
    with Collection.open(path, encoder=OLD) as collection:
        require_whole(collection, OLD, RECORDS)
        with pytest.raises(SpaceMismatchError, match=r"a migration of .* to hash is under way"):
            Migration.begin(collection, HashEncoder(8))
        with pytest.raises(SpaceMismatchError, match="with other options of the store is under way"):
            Migration.begin(collection, NEW, store=StoreConfig(m=99))
        with Migration.begin(collection, NEW) as migration:
            assert migration.shadow.search("word3", k=3)
            require_whole(migration.shadow, NEW, RECORDS)
    before = NEW.encoded
    assert migrate(path, NEW, gate=passing, old_encoder=OLD).changed == 0
    assert NEW.encoded - before == 6  # the canaries, twice


def test_an_abandoned_migration_leaves_nothing(path):
    migrate(path, NEW, gate=failing, old_encoder=OLD)
    with Collection.open(path, encoder=OLD) as collection:
        assert abandon_migration(collection).encoder.fingerprint == NEW.spec.fingerprint
        assert collection.home.generations() == [1]
        with pytest.raises(CollectionError, match=r"no migration .* is under way"):
            abandon_migration(collection)
        with Migration.begin(collection, HashEncoder(8)) as migration:
            migration.run(gate=failing)
            migration.abandon()
        assert collection.home.generations() == [1]
        require_whole(collection, OLD, RECORDS)


def test_what_was_written_since_comes_back_with_a_rollback(path):
    migrate(path, NEW)
    with Collection.open(path, encoder=NEW) as collection:
        collection.upsert([Record("new", "new since"), Record("r1", "changed since")])
        collection.delete(["r2"])
        expected = [Record("new", "new since"), Record("r1", "changed since"), RECORDS[0], *RECORDS[3:]]
    with Collection.open(path) as collection:
        summary = roll_back(collection, encoder=OLD)
        assert (summary.differing, summary.left_behind) == (3, False)
        require_whole(collection, OLD, expected)
    with Collection.open(path, encoder=OLD) as collection:
        require_whole(collection, OLD, expected)
        summary = roll_back(collection, encoder=NEW)
        assert summary.differing == 0
        require_whole(collection, NEW, expected)


def test_without_the_old_encoder_what_was_written_since_is_left_behind_only_by_force(path):
    migrate(path, NEW)
    with Collection.open(path, encoder=NEW) as collection:
        collection.upsert([Record("new", "new since")])
        with pytest.raises(CollectionError, match=r"1 records were written.*needs hash, which cannot be loaded"):
            roll_back(collection)
        require_whole(collection, NEW, [*RECORDS, Record("new", "new since")])
        with pytest.raises(SpaceMismatchError):
            roll_back(collection, encoder=HashEncoder(8))
        summary = roll_back(collection, force=True)
        assert (summary.differing, summary.left_behind) == (1, True)
        collection.use(OLD)
        require_whole(collection, OLD, RECORDS)
        assert summary.records == 250


def test_where_nothing_was_written_since_a_rollback_needs_no_encoder(path):
    migrate(path, NEW)
    with Collection.open(path) as collection:
        assert roll_back(collection).differing == 0
    with Collection.open(path, encoder=OLD) as collection:
        require_whole(collection, OLD, RECORDS)


def test_a_rollback_needs_something_to_go_back_to(collection):
    with pytest.raises(CollectionError, match="there is no way back"):
        roll_back(collection)
    migrate_in_place(collection)
    with Migration.begin(collection, HashEncoder(8)) as migration:
        migration.run(gate=failing)
    with pytest.raises(CollectionError, match="is under way and has not changed over; run it to its end, or give"):
        roll_back(collection, encoder=OLD)
    abandon_migration(collection)
    assert drop_previous(collection).generation == 1
    assert collection.home.generations() == [2]
    with pytest.raises(CollectionError, match="there is no way back"):
        roll_back(collection)
    with pytest.raises(CollectionError, match="keeps nothing from before a migration"):
        drop_previous(collection)


def test_a_second_migration_takes_the_place_of_the_way_back(collection):
    migrate_in_place(collection)
    migrate_in_place(collection, HashEncoder(8))
    assert collection.home.generations() == [2, 3]
    roll_back(collection, encoder=NEW)
    require_whole(collection, NEW, RECORDS)


def test_a_collection_of_words_has_no_encoder_to_replace(tmp_path):
    build_collection(tmp_path / "c", RECORDS, "bm25")[0].close()
    with pytest.raises(CapabilityError, match="ranks by bm25, without an encoder"):
        migrate(tmp_path / "c", NEW)


def test_an_incomplete_collection_stays_incomplete(path):
    with Collection.open(path, encoder=OLD) as collection:
        collection.begin()
        migrate_in_place(collection)
        assert not collection.complete
        collection.finish()
    with Collection.open(path, encoder=NEW) as collection:
        assert collection.complete


def test_a_record_that_the_new_encoder_cannot_read_stops_it_and_changes_nothing(path):
    class Refusing(HashEncoder):
        def encode_document(self, texts, **_):
            if any("r100" in text or "text 100" in text for text in texts):
                raise InvalidInputError("too long")
            return self.encode(texts)

    with pytest.raises(InvalidInputError, match="too long"):
        migrate(path, Refusing(24, seed=1))
    with Collection.open(path, encoder=OLD) as collection:
        require_whole(collection, OLD, RECORDS)
    assert 0 < migrate(path, NEW).changed < 250  # the pages before were safe


def test_options_of_the_new_store_may_differ(path):
    migrate(path, NEW, store=StoreConfig(quantisation="none"))
    with Collection.open(path, encoder=NEW) as collection:
        assert collection.manifest.store.quantisation == "none"


def test_two_migrations_at_once_in_one_process_are_refused_and_the_first_misses_nothing(collection):
    with Migration.begin(collection, NEW) as first:
        collection.upsert([Record("extra", "word1 more", "", {})])
        with pytest.raises(CollectionBusyError, match="runs in this process already"):
            Successor(collection, first.shadow.serving)
        assert collection.store.take_written() == ["extra"]
    with Migration.begin(collection, NEW) as again:
        assert again.run().cut_over


def test_whoever_missed_a_migration_does_not_undo_it_by_a_late_word(path):
    with Collection.open(path, encoder=OLD) as collection:
        other = collection.seen_through(collection.serving)  # as another process has it open, on a server
        migrate_in_place(collection)
        with pytest.raises(StoreReplacedError, match="was migrated by another process; open it again"):
            other.begin()
        assert collection.home.manifest().generation == 2
