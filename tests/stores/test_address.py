import pytest

from nearfield.errors import InvalidInputError
from nearfield.stores.address import Address


def test_a_path_is_a_folder_in_a_folder():
    address = Address.parse("a/faq.collection")
    assert (address.scheme, address.path, address.name) == ("", "a", "faq.collection")
    assert str(address) == "a/faq.collection"


def test_a_url_is_taken_apart():
    address = Address.parse("postgresql://me:se%40cret@host:5433/db?sslmode=require&app=x#faq")
    assert (address.user, address.password, address.host, address.port) == ("me", "se@cret", "host", 5433)
    assert (address.path, dict(address.options), address.name) == ("/db", {"sslmode": "require", "app": "x"}, "faq")
    assert address.with_name("other").name == "other"


@pytest.mark.parametrize("url", ["qdrant://:se%40cret@[::1]:6333?api_key=se%40cret&x=1#faq"])
def test_no_secret_is_shown(url):
    address = Address.parse(url)
    assert str(address) == repr(address) == "qdrant://[::1]:6333?api_key=***&x=1#faq"
    assert "se@cret" not in f"{address} {address!r}"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("mysql://host#faq", "mysql:// is no database known here; known are chroma://"),
        ("postgres://host/db#faq", "postgres:// is no database known here; write postgresql:// instead"),
        ("qdrant://host:x#faq", "cannot be read"),
        ("qdrant://host#a'b", "1 to 48 letters"),
        ("qdrant://host#1a", "the first a letter; got '1a'"),
        (f"qdrant://host#{'x' * 49}", "1 to 48"),
    ],
)
def test_what_is_no_address_is_refused(url, message):
    with pytest.raises(InvalidInputError, match=message):
        Address.parse(url)


@pytest.mark.parametrize(
    "written",
    [
        "postgresql://me:hun/ter2@host/db#faq",
        "postgresql://me:12/hunter2@host/db#faq",
        "postgresql://me:12?hunter2@host/db#faq",
        "postgresql://me:12#hunter2@host/db",
        "postgresql://me:hunter2@[::1/db#faq",
        "postgresql://me:hunter2@host:99999/db#faq",
        "postgresql://me:hunter2%00x@host/db#faq",
        "postgresql:/me:hunter2@host/db#faq",
        "postgresql:me:hunter2@host/db#faq",
        "'postgresql://me:hunter2@host/db#faq'",
        " postgresql://me:hunter2@host/db#faq",
        "post gresql://me:hunter2@host/db#faq",
        "postgresql://me:hunter2@host/db?schema=a&schema=b#faq",
        "postgresql://me:hunter2@host/db?sslmode#faq",
    ],
)
def test_a_url_that_cannot_be_read_is_refused_and_no_password_in_it_repeated(written):
    with pytest.raises(InvalidInputError) as refused:
        Address.parse(written)
    assert "ter2" not in str(refused.value)
    assert "hun" not in str(refused.value)


def test_a_scheme_in_capitals_is_no_folder():
    address = Address.parse("PostgreSQL://me:hunter2@host/db#faq")
    assert (address.scheme, address.password) == ("postgresql", "hunter2")


def test_an_encoded_at_sign_may_be_anywhere():
    assert Address.parse("postgresql://me@host/d%40b#faq").path == "/d@b"


@pytest.mark.parametrize("written", ["", "a\0b"])
def test_an_address_of_nothing_is_refused(written):
    with pytest.raises(InvalidInputError, match="empty or has a zero byte"):
        Address.parse(written)


def test_a_folder_may_be_named_by_dots(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert Address.parse(".").name == tmp_path.name
    assert Address.parse("..").name == tmp_path.parent.name
