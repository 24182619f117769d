"""Requests: how many texts go in one, how fast they follow each other, and how long to wait after a refusal."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from misbehaving_server import in_seconds

from nearfield.encoders.api_batches import batches, estimate_tokens
from nearfield.encoders.api_failures import words
from nearfield.encoders.api_pace import Pace, backoff, retry_after
from nearfield.encoders.api_workers import Workers

COUNTS = st.lists(st.integers(1, 50), max_size=40)


def test_texts_are_batched_by_number_and_by_tokens():
    cut = [list(rows) for rows in batches([10, 10, 10, 50, 1, 1, 1, 1], max_texts=3, max_tokens=25)]
    assert cut == [[0, 1], [2], [3], [4, 5, 6], [7]]


@given(counts=COUNTS, max_texts=st.integers(1, 6), max_tokens=st.integers(1, 60))
def test_batches_hold_every_text_once_in_order_and_keep_to_the_limits(counts, max_texts, max_tokens):
    cut = list(batches(counts, max_texts=max_texts, max_tokens=max_tokens))
    assert [row for rows in cut for row in rows] == list(range(len(counts)))
    for rows in cut:
        total = sum(counts[row] for row in rows)
        assert 1 <= len(rows) <= max_texts
        assert total <= max_tokens or len(rows) == 1
        if rows.stop < len(counts):  # as full as they may be
            assert len(rows) == max_texts or total + counts[rows.stop] > max_tokens


@given(st.text(max_size=20))
def test_estimated_tokens_grow_with_the_text_and_are_never_more_than_its_bytes(text):
    assert 1 <= estimate_tokens(text) <= max(1, len(text.encode()))
    assert estimate_tokens(text) <= estimate_tokens(text + "a") <= estimate_tokens(text + "a漏")


@pytest.mark.parametrize(
    ("text", "counted"),
    [  # by the tokeniser of text-embedding-3 (cl100k_base)
        ("The mitochondrion is the powerhouse of the cell; ", 12),
        ("def add(a, b):\n    return a + b\n", 12),
        ("Wie repariert man einen tropfenden Wasserhahn?", 14),
        ("Как починить протекающий кран?", 15),
        ("如何修理漏水的水龙头？", 13),
    ],
)
def test_estimated_tokens_are_near_what_is_counted(text, counted):
    assert 0.8 <= estimate_tokens(text) / counted <= 2.5


@given(
    limits=st.tuples(st.integers(1, 600), st.integers(10, 6000)),
    requests=st.lists(st.tuples(st.integers(1, 100), st.floats(0, 5)), max_size=60),
)
def test_no_minute_holds_more_than_the_limits(limits, requests):
    now = 0.0
    pace = Pace(requests_per_minute=limits[0], tokens_per_minute=limits[1], clock=lambda: now)
    sent = []
    for tokens, passes in requests:
        now += passes
        sent.append((now + pace.turn(tokens), tokens))
    for began, first in sent:
        within = [tokens for at, tokens in sent if began <= at < began + 60 - 1e-6]
        assert len(within) <= limits[0]
        assert sum(within) <= limits[1] + max(within)  # the last one is asked for before its minute is full
        assert first in within


def test_without_limits_nothing_waits_unless_held():
    now = 5.0
    pace = Pace(clock=lambda: now)
    assert [pace.turn(10**6) for _ in range(3)] == [0, 0, 0]
    pace.hold(30)
    pace.hold(10)  # a shorter one ends no longer one
    assert pace.turn(1) == 30


@pytest.mark.parametrize("attempt", [0, 1, 5, 6, 200, 5000])
def test_waits_double_up_to_half_a_minute_and_are_spread_down_to_nothing(attempt):
    longest = 30.0 if attempt > 5 else 0.5 * 2**attempt
    assert backoff(attempt, 0.0) == 0
    assert backoff(attempt, 0.5) == longest / 2


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "-3"}, 0),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 60),
        ({"retry-after": "Wed, 21 Oct 2015 07:26:00 GMT"}, 0),
        ({"retry-after": "Wed, 99 Oct 2015 07:26:00 GMT"}, None),
        ({"retry-after-ms": "250", "retry-after": "7"}, 0.25),
        ({"retry-after-ms": "?", "retry-after": "7"}, 7),
    ],
)
def test_the_wait_asked_for_is_understood(headers, seconds):
    assert retry_after(headers, 1445412420.0) == seconds  # a minute before 07:28:00


def test_a_date_as_servers_write_it_is_understood():
    assert retry_after({"retry-after": in_seconds(0)}, 0.0) > 1.7e9


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"error": {"message": "no", "code": "bad_thing", "type": "t"}}', "no (bad_thing)"),
        (b'{"error": {"message": "no", "code": null, "type": "t"}}', "no (t)"),
        (b'{"error": {"code": 400, "message": "no", "status": "INVALID_ARGUMENT"}}', "no"),
        (b'{"error": "no"}', "no"),
        (b'{"message": "no"}', "no"),
        (b'{"detail": "no"}', "no"),
        (b'{"detail": [{"msg": "no"}]}', "[{'msg': 'no'}]"),
        (b"[1]", "[1]"),
        (b"<b>no\x1b[0m\r\n</b>\xff", "<b>no [0m </b>\ufffd"),
        (b"[" * 100_000, "[" * 100_000),
        (b"", ""),
    ],
)
def test_the_words_of_a_refusal_are_found(content, said):
    assert words(content) == said


def test_work_added_while_working_is_done_too():
    def halve(number, workers):
        if number <= 1:
            return number
        workers.todo.put(number // 2)
        workers.todo.put(number - number // 2)
        return None

    assert sum(Workers(halve, [5, 8], 3).results()) == 13


def test_an_abandoned_run_begins_nothing_more():
    begun = []
    going_on = threading.Event()

    def work(number, workers):
        begun.append(number)
        if number:
            going_on.wait(10)
        return number

    workers = Workers(work, range(100), 1)
    results = workers.results()
    assert next(results) == 0
    results.close()
    assert workers.stop.is_set()
    going_on.set()
    assert len(begun) <= 2


def test_every_error_of_a_job_reaches_the_caller():
    def fail(number, workers):
        raise ZeroDivisionError(number)

    with pytest.raises(ZeroDivisionError):
        list(Workers(fail, [1, 2, 3], 2).results())


def test_nothing_to_do_is_done_at_once():
    assert list(Workers(lambda job, _: job, [], 4).results()) == []
