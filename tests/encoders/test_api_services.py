"""How each service is asked, and what it answers: as their references show it."""

import base64
import json

import httpx
import numpy as np
import pytest
from misbehaving_server import KEY

from nearfield.encoders import api_models
from nearfield.encoders.api_models import API_MODELS
from nearfield.encoders.api_services import SERVICES, find_service
from nearfield.encoders.load import load_encoder


def in_base64(vectors):
    return {
        "object": "list",
        "data": [
            {"index": index, "embedding": base64.b64encode(vector.astype("<f4").tobytes()).decode()}
            for index, vector in enumerate(vectors)
        ],
    }


def backwards(vectors):
    return {"data": [{"index": index, "embedding": vectors[index].tolist()} for index in (1, 0)]}


def cohere(vectors):
    return {"id": "x", "embeddings": {"float": vectors.tolist()}, "meta": {"billed_units": {"input_tokens": 4}}}


def gemini(vectors):
    return {"embeddings": [{"values": vector.tolist()} for vector in vectors]}


ANSWERS = {"openai": in_base64, "voyage": in_base64, "mistral": backwards, "cohere": cohere, "gemini": gemini}


@pytest.fixture
def ask(monkeypatch):
    """Encode two texts at a service: the request that was sent."""

    def ask(name: str, role: str) -> httpx.Request:
        service, _ = find_service(name.partition("@")[0])
        for variable in service.key_variables:
            monkeypatch.delenv(variable, raising=False)
        monkeypatch.setenv(service.key_variables[-1], KEY)
        encoder = load_encoder(name)
        vectors = np.random.default_rng(0).normal(size=(2, encoder.spec.dim)).astype(np.float32)
        sent = []

        def answer(request: httpx.Request) -> httpx.Response:
            sent.append(request)
            return httpx.Response(200, json=ANSWERS[service.name](vectors))

        with httpx.Client(transport=httpx.MockTransport(answer), auth=encoder.client._http.auth) as client:
            encoder.client._http = client
            found = getattr(encoder, f"encode_{role}" if role else "encode")(["tap", "tyre"])
        np.testing.assert_array_equal(found, vectors)
        (request,) = sent
        return request

    return ask


@pytest.mark.parametrize(
    ("name", "role", "url", "body"),
    [
        (
            "openai:text-embedding-3-small@dim=2",
            "query",
            "https://api.openai.com/v1/embeddings",
            {
                "model": "text-embedding-3-small",
                "input": ["tap", "tyre"],
                "encoding_format": "base64",
                "dimensions": 2,
            },
        ),
        (
            "cohere:embed-v4.0@dim=256",
            "query",
            "https://api.cohere.com/v2/embed",
            {
                "model": "embed-v4.0",
                "texts": ["tap", "tyre"],
                "input_type": "search_query",
                "embedding_types": ["float"],
                "truncate": "END",
                "output_dimension": 256,
            },
        ),
        (
            "voyage:voyage-4@dim=256",
            "document",
            "https://api.voyageai.com/v1/embeddings",
            {
                "model": "voyage-4",
                "input": ["tap", "tyre"],
                "input_type": "document",
                "truncation": True,
                "encoding_format": "base64",
                "output_dimension": 256,
            },
        ),
        (
            "mistral:codestral-embed@dim=256",
            "document",
            "https://api.mistral.ai/v1/embeddings",
            {"model": "codestral-embed", "input": ["tap", "tyre"], "output_dimension": 256},
        ),
        (
            "gemini:gemini-embedding-001@dim=768",
            "query",
            "https://generativelanguage.googleapis.com/v1beta/models/gemini-embedding-001:batchEmbedContents",
            {
                "requests": [
                    {
                        "model": "models/gemini-embedding-001",
                        "content": {"parts": [{"text": text}]},
                        "taskType": "RETRIEVAL_QUERY",
                        "outputDimensionality": 768,
                    }
                    for text in ("tap", "tyre")
                ]
            },
        ),
        (
            "gemini:gemini-embedding-2",
            "document",
            "https://generativelanguage.googleapis.com/v1beta/models/gemini-embedding-2:batchEmbedContents",
            {
                "requests": [
                    {
                        "model": "models/gemini-embedding-2",
                        "content": {"parts": [{"text": f"title: none | text: {text}"}]},
                    }
                    for text in ("tap", "tyre")
                ]
            },
        ),
    ],
)
def test_each_service_is_asked_as_it_wants_and_its_answer_understood(ask, name, role, url, body):
    request = ask(name, role)
    assert str(request.url) == url
    assert json.loads(request.content) == body
    header, value = ("x-goog-api-key", KEY) if "gemini" in name else ("authorization", f"Bearer {KEY}")
    assert request.headers[header] == value
    assert str(request.headers).count(KEY) <= 1
    assert KEY not in str(request.url)


@pytest.mark.parametrize(
    ("name", "role", "field", "value"),
    [
        ("cohere:embed-v4.0", "document", "input_type", "search_document"),
        ("cohere:embed-v4.0", "", "input_type", "search_document"),
        ("voyage:voyage-4", "query", "input_type", "query"),
        ("voyage:voyage-4", "", "input_type", None),
    ],
)
def test_the_role_is_told_to_services_that_know_it(ask, name, role, field, value):
    assert json.loads(ask(name, role).content).get(field) == value


@pytest.mark.parametrize(
    ("role", "told", "text"),
    [("document", "RETRIEVAL_DOCUMENT", "tap"), ("", None, "tap")],
)
def test_gemini_is_told_the_task_of_each_text(ask, role, told, text):
    first, _ = json.loads(ask("gemini:gemini-embedding-001", role).content)["requests"]
    assert (first.get("taskType"), first["content"]["parts"][0]["text"]) == (told, text)


def test_a_prompt_takes_the_place_of_the_role(ask):
    first, _ = json.loads(ask("gemini:gemini-embedding-2", "query").content)["requests"]
    assert first["content"]["parts"][0]["text"] == "task: search result | query: tap"
    assert "taskType" not in first
    first, _ = json.loads(ask("gemini:gemini-embedding-2", "").content)["requests"]
    assert first["content"]["parts"][0]["text"] == "tap"


@pytest.mark.parametrize("name", API_MODELS)
def test_every_known_model_is_at_a_service_and_makes_sense(name):
    service, model = find_service(name)
    known = API_MODELS[name]
    assert f"{service.name}:{model}" == name
    assert known.max_tokens > 0
    assert not known.dims or known.dim in known.dims
    assert known.dollars is None or 0 < known.dollars < 1


def test_what_is_known_of_a_model_is_known_of_one_in_the_catalogue():
    assert api_models._DOLLARS.keys() | api_models._DIMS.keys() <= API_MODELS.keys()
    assert API_MODELS["cohere:embed-v4.0"].dims == [256, 512, 1024, 1536]
    assert not API_MODELS["gemini:gemini-embedding-001"].normalised


@pytest.mark.parametrize("service", SERVICES.values(), ids=lambda service: service.name)
def test_every_service_has_an_address_and_a_key_of_its_own(service):
    assert service.base_url.startswith("https://")
    assert all(variable.endswith("_API_KEY") for variable in service.key_variables)
    assert service.url_variable == f"{service.name.upper()}_BASE_URL"


@pytest.mark.parametrize("name", ["x:y", "all-MiniLM-L6-v2", "openai/x", "./openai:x", "OpenAI:x", "openai"])
def test_other_names_are_no_services(name):
    assert find_service(name) is None


def test_a_models_name_may_have_the_signs_that_names_have():
    for model in ("nomic-embed-text:latest", "BAAI/bge-m3", "@cf/baai/bge-m3", "a_b.c+d"):
        assert find_service(f"openai:{model}") == (SERVICES["openai"], model)
