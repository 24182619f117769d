"""The catalogue: facts of well-known encoders, every entry complete, and what a damaged file is refused for."""

import re

import pytest

from nearfield.encoders.catalogue import catalogue, find_entry, read_catalogue, suggest
from nearfield.errors import InvalidInputError

BGE_PROMPT = "Represent this sentence for searching relevant passages: "
WEB_SEARCH = "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:"

# As their model cards and configuration files say.
FACTS = {
    "all-MiniLM-L6-v2": {"dim": 384, "max_tokens": 256, "pooling": "mean", "licence": "apache-2.0"},
    "all-mpnet-base-v2": {"dim": 768, "max_tokens": 384, "family": "mpnet", "runs": "native"},
    "multi-qa-mpnet-base-dot-v1": {"metric": "dot", "normalise": False, "pooling": "cls"},
    "bge-small-en-v1.5": {"dim": 384, "pooling": "cls", "query_prompt": BGE_PROMPT, "document_prompt": ""},
    "bge-m3": {"dim": 1024, "max_tokens": 8192, "pooling": "cls", "query_prompt": "", "family": "xlm-roberta"},
    "e5-large-v2": {"dim": 1024, "pooling": "mean", "query_prompt": "query: ", "document_prompt": "passage: "},
    "multilingual-e5-large-instruct": {"query_prompt": f"{WEB_SEARCH} ", "document_prompt": "", "licence": "mit"},
    "instructor-xl": {"dim": 768, "include_prompt": False, "family": "t5"},
    "LaBSE": {"pooling": "cls", "max_tokens": 256, "parameters": 470.9},
    "nomic-embed-text-v1.5": {
        "document_prompt": "search_document: ",
        "matryoshka": (512, 256, 128, 64),
        "runs": "onnx",
    },
    "embeddinggemma-300m": {"document_prompt": "title: none | text: ", "matryoshka": (512, 256, 128)},
    "Qwen3-Embedding-0.6B": {"pooling": "lasttoken", "query_prompt": WEB_SEARCH, "max_tokens": 32768},
    "static-retrieval-mrl-en-v1": {"dim": 1024, "max_tokens": 0, "family": "static"},
    "clip-vit-base-patch32": {"dim": 512, "max_tokens": 77, "modality": "text+image", "licence": "mit"},
    "dinov2-small": {"dim": 384, "modality": "image", "languages": ()},
    "text-embedding-3-large": {"hub_name": "openai:text-embedding-3-large", "dim": 3072, "matryoshka": (1024, 256)},
    "code-search-ada-code-001": {"status": "retired", "successor": "text-embedding-3-small", "runs": "none"},
}

MODEL = """
[families]
bert = "native"
[languages]
two = ["en", "fr"]
[[model]]
name = "tiny"
hub_name = "someone/tiny"
family = "bert"
dim = 8
max_tokens = 12
pooling = "mean"
licence = "mit"
"""


@pytest.mark.parametrize("name", FACTS)
def test_what_is_known_of_an_encoder_is_what_is_published(name):
    entry = find_entry(name)
    assert {key: getattr(entry, key) for key in FACTS[name]} == FACTS[name]


@pytest.mark.parametrize("entry", catalogue(), ids=lambda entry: entry.name)
def test_every_entry_is_complete_and_consistent(entry):
    assert find_entry(entry.name) is find_entry(entry.hub_name.upper()) is entry
    assert re.fullmatch(r"[\w.-]+", entry.name)
    called = entry.licence == "proprietary"
    published = rf"{entry.family}:[\w.-]+" if called else r"[\w-]+/[\w.-]+"
    assert re.fullmatch(published, entry.hub_name) or entry.hub_name == "nearfield-static"
    assert (entry.runs == "api") == (called and entry.status == "current")
    assert (entry.parameters is None) == called == (entry.pooling == "unpublished")
    assert (entry.max_tokens == 0) == (entry.modality == "image" or entry.family == "static")
    assert bool(entry.languages) == ("text" in entry.modality)
    assert len(set(entry.languages)) == len(entry.languages)
    assert all(re.fullmatch("[a-z]{2,3}|code", language) for language in entry.languages)
    assert entry.include_prompt or entry.query_prompt
    for prompt in (entry.query_prompt, entry.document_prompt):
        assert not prompt or prompt.endswith((" ", ":", "</s>"))
    assert not entry.note or entry.note.endswith(".")


@pytest.mark.parametrize(
    ("typed", "nearest"),
    [
        ("all-minilm-l6", "all-MiniLM-L6-v2"),
        ("intfloat/e5-smal-v2", "e5-small-v2"),
        ("text-embedding-3-smol", "text-embedding-3-small"),
        ("minilm", "all-MiniLM-L6-v2"),
        ("CodeBERT", "codebert-base"),
    ],
)
def test_the_nearest_name_is_suggested_first(typed, nearest):
    names = suggest(typed)
    assert names[0] == nearest
    assert len(names) == len(set(names)) <= 3


@pytest.mark.parametrize("typed", ["", "zz", "qqqqqqqq"])
def test_nothing_is_suggested_for_what_is_like_nothing(typed):
    assert suggest(typed) == []
    assert find_entry(typed) is None


def test_many_languages_include_any_but_no_programming_language():
    gemma, e5, qwen = (find_entry(name) for name in ("embeddinggemma-300m", "e5-base-v2", "Qwen3-Embedding-0.6B"))
    assert gemma.speaks("tlh")
    assert not gemma.speaks("code")
    assert qwen.speaks("code")
    assert e5.speaks("en")
    assert not e5.speaks("fr")


def test_a_key_left_out_has_its_default_and_a_list_of_languages_its_name():
    (entry,) = read_catalogue(f'{MODEL}languages = "two"')
    assert (entry.languages, entry.runs, entry.parameters) == (("en", "fr"), "native", None)
    (other,) = read_catalogue(f'{MODEL}runs = "onnx"')
    assert (other.languages, other.runs) == (("en",), "onnx")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("colour = 'red'", "tiny: .* unknown field 'colour'; it has .*dim"),
        ("normalise = 'yes'", "tiny: .*normalise must be a bool, got 'yes'"),
        ("query_prompt = 1", "tiny: .*query_prompt must be a str"),
        ("metric = 'l3'", "tiny: .*metric must be one of 'cosine', 'dot', 'l2', got 'l3'"),
        ("matryoshka = ['4']", r"tiny: .*matryoshka\[0\] must be an int"),
        ("matryoshka = [2, 4]", r"tiny: dim and matryoshka must fall and be at least 1, got \(8, 2, 4\)"),
        ("matryoshka = [8]", "must fall"),
        ("matryoshka = [0]", "at least 1"),
        ("languages = 'three'", "tiny: no list of languages is called 'three'"),
        ("status = 'retired'", "tiny: a retired encoder, and no other, has a successor"),
        ("successor = 'tiny'", "a retired encoder, and no other, has a successor"),
        ("status = 'retired'\nsuccessor = 'tiny'", "it runs 'none'"),
        ("status = 'retired'\nsuccessor = 'big'\nruns = 'none'\nnote = 'Gone.'", "no successor 'big'"),
        ("runs = 'none'", "tiny: an encoder that does not run needs a note that says why"),
        ("[other]", "the catalogue has an unknown table 'other'"),
        ("[[model]]\nname = 'x'\nfamily = 'lstm'", "x: family 'lstm' is not one of bert"),
        ("[[model]]\nname = 'x'\nfamily = 'bert'", "x: CatalogueEntry is incomplete: .*'hub_name'"),
        (MODEL[MODEL.index("[[model]]") :], "the catalogue has the name 'someone/tiny' twice"),
        ("licence = ", "the catalogue is not valid TOML: "),
    ],
)
def test_a_damaged_catalogue_is_refused_with_the_place(change, message):
    with pytest.raises(InvalidInputError, match=message):
        read_catalogue(MODEL + change)
