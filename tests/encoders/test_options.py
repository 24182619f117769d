import pytest

from nearfield.encoders.options import Runtime, VectorOptions, join_name, rename, split_name
from nearfield.errors import InvalidInputError


@pytest.mark.parametrize(
    ("text", "name", "vector", "runtime"),
    [
        ("m", "m", VectorOptions(), Runtime()),
        ("a/m@dim=8", "a/m", VectorOptions(dim=8), Runtime()),
        ("m@dim=8,precision=int8,threads=2", "m", VectorOptions(dim=8, precision="int8"), Runtime(threads=2)),
        ("me@home/m@on_overflow=chunk", "me@home/m", VectorOptions(on_overflow="chunk"), Runtime()),
        ("m@engine=openvino", "m", VectorOptions(), Runtime(engine="openvino")),
        ("m@main", "m@main", VectorOptions(), Runtime()),
    ],
)
def test_options_are_taken_out_of_a_name(text, name, vector, runtime):
    assert split_name(text) == (name, vector, runtime)


@pytest.mark.parametrize("text", ["m", "m@dim=8", "m@precision=binary,on_overflow=error", "m@dim=8,engine=openvino"])
def test_what_decides_the_space_is_put_back_as_it_was(text):
    assert join_name(*split_name(text)) == text
    assert rename(text) == text


def test_an_option_is_put_into_a_name_that_has_others():
    assert rename("m@engine=openvino,dim=8", dim=4, precision="int8") == "m@dim=4,precision=int8,engine=openvino"
    assert rename("m@dim=8", dim=None, precision="float32") == "m@dim=8"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("m@dims=8", "encoder 'm@dims=8' has no option 'dims'; it has dim, precision, on_overflow, engine, device"),
        ("m@dim=x", "dim must be a whole number of at least 1, got 'x'"),
        ("m@dim=0", "dim must be at least 1, got 0"),
        ("m@precision=int4", "precision must be one of float32, int8, uint8, binary, got 'int4'"),
        ("m@on_overflow=ignore", "on_overflow must be one of truncate, error, chunk"),
        ("m@device=tpu", "device must be one of auto, cpu, cuda"),
    ],
)
def test_options_that_are_not_allowed_are_named(text, message):
    with pytest.raises(InvalidInputError, match=message):
        split_name(text)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("m@__class__=1", "has no option '__class__'; it has dim, "),
        ("m@dim=64,dim=32", "gives dim twice"),
        ("m@dim=" + "9" * 5000, "dim must be a whole number of at least 1, got '99999999999999999999'"),
    ],
)
def test_options_that_make_no_sense_are_refused(name, message):
    with pytest.raises(InvalidInputError, match=message):
        split_name(name)


@pytest.mark.parametrize("value", ["64", 2.5, True])
def test_numbers_of_another_type_are_refused(value):
    with pytest.raises(InvalidInputError, match="dim must be a whole number"):
        VectorOptions(dim=value)
    with pytest.raises(InvalidInputError, match="threads must be a whole number"):
        Runtime(threads=value)
