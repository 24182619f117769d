import json

import pytest

from nearfield.errors import InvalidInputError
from nearfield.report.frozen import from_json, to_json
from nearfield.retrieval.lexical import LexicalSpec
from nearfield.retrieval.spec import RetrieverSpec


@pytest.mark.parametrize(
    ("text", "legs", "fusion"),
    [
        ("bm25", ("bm25",), "zscore"),
        ("tfidf", ("tfidf",), "zscore"),
        ("all-MiniLM-L6-v2", ("all-MiniLM-L6-v2",), "zscore"),
        ("hybrid:all-MiniLM-L6-v2", ("bm25", "all-MiniLM-L6-v2"), "zscore"),
        ("hybrid:chars+intfloat/e5-small", ("bm25", "chars", "intfloat/e5-small"), "zscore"),
        ("rrf:bm25+model", ("bm25", "model"), "rrf"),
        ("minmax:model + bm25", ("bm25", "model"), "minmax"),
        ("./models/own", ("./models/own",), "zscore"),
        ("C:\\models\\own", ("C:\\models\\own",), "zscore"),
        ("openai:text-embedding-3-small", ("openai:text-embedding-3-small",), "zscore"),
    ],
)
def test_a_name_says_its_legs_and_fusion(text, legs, fusion):
    spec = RetrieverSpec.parse(text)
    assert (spec.name, spec.legs, spec.fusion) == (text, legs, fusion)


def test_a_databases_own_search_is_a_leg():
    spec = RetrieverSpec.parse("chars+postgresql-fulltext+all-MiniLM-L6-v2")
    assert (spec.legs, spec.engine) == (("chars", "postgresql-fulltext", "all-MiniLM-L6-v2"), "postgresql-fulltext")


def test_options_follow_a_lexical_leg():
    spec = RetrieverSpec.parse("bm25:language=german, k1=0.9+chars:ngram=3")
    assert spec.lexical["bm25"] == LexicalSpec(language="german", k1=0.9)
    assert spec.lexical["chars"] == LexicalSpec(language="none", ngram=3)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has an empty leg"),
        ("hybrid:", "has an empty leg"),
        ("bm25+", "has an empty leg"),
        ("one+two", "names two encoders, one and two"),
        ("bm25+bm25", "names bm25 twice"),
        ("postgresql-fulltext+postgresql-fulltext", "names postgresql-fulltext twice"),
        ("weaviate-bm25+milvus-bm25", "names two databases' searches"),
        ("weaviate-bm25:k1=2", "weaviate-bm25 takes no options here, got 'weaviate-bm25:k1=2'"),
        ("bm25:colour=red", "bm25 has no option 'colour'; it has language, ngram, k1, b"),
        ("bm25:k1=high", "bm25:k1 must be of type float, got 'high'"),
    ],
)
def test_what_cannot_rank_is_refused(text, message):
    with pytest.raises(InvalidInputError, match=message):
        RetrieverSpec.parse(text)


def test_weights_must_match_the_legs():
    with pytest.raises(InvalidInputError, match="one for each of bm25, model"):
        RetrieverSpec("x", "model", {"bm25": LexicalSpec()}, weights=(1.0,))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fusion": "x"}, "fusion must be one of"),
        ({"depth": 0}, "depth must be at least 1"),
        ({"weights": (0.5, float("nan"))}, "weights must be at least 0"),
    ],
)
def test_options_without_meaning_are_refused(options, message):
    with pytest.raises(InvalidInputError, match=message):
        RetrieverSpec("x", "model", {"bm25": LexicalSpec()}, **options)


@pytest.mark.parametrize("text", ["bm25:average_length=3"])
def test_what_is_measured_cannot_be_set_by_name(text):
    with pytest.raises(InvalidInputError, match="no option 'average_length'"):
        RetrieverSpec.parse(text)


@pytest.mark.parametrize("weights", [None, (0.3, 0.7)])
def test_a_spec_survives_being_written_down(weights):
    spec = RetrieverSpec("mine", "model", {"bm25": LexicalSpec(average_length=7.5)}, "minmax", weights, 50)
    assert from_json(RetrieverSpec, json.loads(json.dumps(to_json(spec)))) == spec


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("old", "new@dim=8"),
        ("hybrid:old", "hybrid:new@dim=8"),
        ("old+bm25:k1=0.9", "new@dim=8+bm25:k1=0.9"),
        ("rrf:bm25 + old", "rrf:bm25 +new@dim=8"),
    ],
)
def test_another_encoder_takes_the_place_of_the_one_before(text, name):
    changed = RetrieverSpec.parse(text).with_encoder("new@dim=8")
    assert changed == RetrieverSpec.parse(name)


def test_a_folder_of_an_encoder_is_replaced_and_a_name_of_ones_own_stays(tmp_path, monkeypatch):
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path)
    changed = RetrieverSpec.parse("hybrid:./old").with_encoder("./new")
    assert (changed.name, changed.encoder) == ("hybrid:./new", str(tmp_path / "new"))
    mine = RetrieverSpec("mine", "model", {"bm25": LexicalSpec()}, weights=(0.3, 0.7)).with_encoder("other")
    assert (mine.name, mine.encoder, mine.weights) == ("mine", "other", (0.3, 0.7))


def test_without_a_dense_leg_there_is_no_encoder_to_replace():
    with pytest.raises(InvalidInputError, match="bm25 has no dense leg, so no encoder to replace"):
        RetrieverSpec.parse("bm25").with_encoder("new")
