import pytest

from nearfield.errors import InvalidInputError, StorageError, StoreAccessError
from nearfield.stores.retries import ServerCalls


def server(**changes):
    options = {
        "server": "db://host",
        "is_transient": lambda error: isinstance(error, ConnectionError),
        "is_denial": lambda error: isinstance(error, PermissionError),
        "secret": "hunter2",
        "waits": (0.0, 0.0),
    }
    return ServerCalls(**(options | changes))


def failing(*errors):
    left = list(errors)

    def call():
        if left:
            raise left.pop(0)
        return "answer"

    return call


def test_a_server_that_comes_back_is_asked_again():
    assert server().ask("reading", failing(ConnectionError(), ConnectionError())) == "answer"


def test_a_server_that_stays_away_is_an_error_that_says_what_was_done_and_no_secret():
    with pytest.raises(
        StorageError, match=r"writing \(2 of 3 stored\) failed at db://host: no route for \*\*\*"
    ) as caught:
        server().ask("writing (2 of 3 stored)", failing(*[ConnectionError("no route\nfor hunter2")] * 3))
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_an_exception_without_words_is_named():
    with pytest.raises(StorageError, match="failed at db://host: ValueError"):
        server(secret="").ask("reading", failing(ValueError()))


def test_a_refusal_is_final_and_says_nothing_of_what_was_tried():
    with pytest.raises(StoreAccessError, match="db://host refuses this user"):
        server().ask("reading", failing(PermissionError("hunter2 is wrong"), ValueError()))


def test_the_secret_is_not_printed():
    assert "hunter2" not in repr(server())


def test_what_asking_again_cannot_help_is_not_asked_again():
    with pytest.raises(StorageError, match="bad request"):
        server().ask("reading", failing(ValueError("bad request"), ValueError("again")))


def test_an_error_of_ours_goes_through():
    with pytest.raises(InvalidInputError, match="ours"):
        server().ask("reading", failing(InvalidInputError("ours")))


def test_a_secret_that_a_long_message_would_be_cut_in_is_not_shown_in_part():
    with pytest.raises(StorageError) as caught:
        server().ask("reading", failing(ValueError("x" * 496 + "hunter2")))
    assert "hunt" not in str(caught.value)


def test_a_secret_with_spaces_is_found_before_spaces_are_taken_out():
    with pytest.raises(StorageError) as caught:
        server(secret="two  spaces").ask("reading", failing(ValueError("no two  spaces")))
    assert "spaces" not in str(caught.value)
