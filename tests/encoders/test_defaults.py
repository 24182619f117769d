"""What a folder leaves unsaid comes from the catalogue; what it says stands; the fingerprint shows which."""

import json

import numpy as np
import pytest
from tiny_bert import write_folder

from nearfield.encoders.load import load_encoder
from nearfield.encoders.transformer import TransformerEncoder


def named(tmp_path, name, **options):
    """A tiny folder of that name."""
    folder = tmp_path / name
    folder.mkdir(parents=True)
    return write_folder(folder, **options)


def bare(folder):
    """Leave what a bare Hugging Face folder has."""
    for file in ("modules.json", "1_Pooling/config.json", "config_sentence_transformers.json"):
        (folder / file).unlink()
    return folder


@pytest.mark.parametrize("prompts", [None, {"query": "", "document": ""}])
def test_a_folder_named_like_an_encoder_of_the_catalogue_gets_its_prompts(tmp_path, prompts):
    spec = load_encoder(named(tmp_path, "e5-small-v2", prompts=prompts)).spec
    assert (spec.query_prompt, spec.document_prompt) == ("query: ", "passage: ")
    other = load_encoder(named(tmp_path, "my-model", prompts=prompts)).spec
    assert (other.query_prompt, other.document_prompt) == ("", "")
    assert spec.weights == other.weights
    assert spec.fingerprint != other.fingerprint


def test_the_prompts_are_put_before_the_texts(tmp_path):
    encoder = load_encoder(named(tmp_path, "e5-small-v2"))
    np.testing.assert_array_equal(encoder.encode_query(["w1"]), encoder.encode(["query: w1"]))
    np.testing.assert_array_equal(encoder.encode_document(["w1"]), encoder.encode(["passage: w1"]))


def test_a_folders_own_prompts_stand(tmp_path):
    spec = load_encoder(named(tmp_path, "e5-small-v2", prompts={"query": "w3 "})).spec
    assert (spec.query_prompt, spec.document_prompt) == ("w3 ", "")


@pytest.mark.parametrize(
    ("name", "pooling", "normalise", "metric"),
    [
        ("bge-small-en-v1.5", "cls", True, "cosine"),
        ("e5-small-v2", "mean", True, "cosine"),
        ("multi-qa-mpnet-base-dot-v1", "cls", False, "dot"),
        ("clip-vit-base-patch32", "mean", True, "cosine"),  # whose pooling no text folder has
        ("my-model", "mean", False, "cosine"),
    ],
)
def test_a_bare_folder_is_pooled_and_compared_as_the_catalogue_says(tmp_path, name, pooling, normalise, metric):
    spec = load_encoder(bare(named(tmp_path, name))).spec
    assert (spec.pooling, spec.normalise, spec.metric) == (pooling, normalise, metric)


def test_a_folders_own_pooling_normalisation_and_metric_stand(tmp_path):
    folder = named(tmp_path, "multi-qa-mpnet-base-dot-v1", pooling="max", normalise=True)
    config = folder / "config_sentence_transformers.json"
    config.write_text(json.dumps({"similarity_fn_name": "euclidean"}))
    spec = load_encoder(folder).spec
    assert (spec.pooling, spec.normalise, spec.metric) == ("max", True, "l2")
    config.write_text(json.dumps({"similarity_fn_name": None}))
    assert load_encoder(folder).spec.metric == "dot"


def test_the_name_asked_for_counts_more_than_the_folders(tmp_path):
    folder = named(tmp_path, "e5-small-v2")
    assert TransformerEncoder.from_folder(folder).spec.query_prompt == "query: "
    asked = TransformerEncoder.from_folder(folder, name="BAAI/bge-small-en-v1.5@dim=4").spec
    assert asked.query_prompt.startswith("Represent this sentence")


def test_a_folder_in_the_hubs_cache_is_known_by_its_repository(tmp_path):
    folder = named(tmp_path, "models--intfloat--e5-small-v2/snapshots/1a2b")
    assert load_encoder(folder).spec.query_prompt == "query: "
