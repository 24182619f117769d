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


@pytest.mark.parametrize(
    ("secret", "told"),
    [
        ("hunter2", "x" * 495 + " hunter2"),  # stands where a long message is cut off
        ("two  blanks", "no route for two  blanks"),  # and so in a message put on one line
        ("p@ss/word", "GET http://user:p%40ss%2Fword@host failed"),
    ],
)
def test_no_part_and_no_spelling_of_the_secret_is_told(secret, told):
    with pytest.raises(StorageError) as caught:
        server(secret=secret).ask("reading", failing(ValueError(told)))
    for part in ("hunt", "two", "blanks", "p@ss", "p%40ss"):
        assert part not in str(caught.value)
