"""What a Weaviate server does, in memory: classes, objects, filters, searches; for `weaviate_server.py`.

Written after the server's documentation and sources (1.39): an inverted index of whole tokens for each filterable
property, `Like` over its keys, `Not` as the complement, ranges on properties with `indexRangeFilters`, nearest vectors
by brute force in float32, of which the graph, used where the server would use it, and quantised vectors lose one in 64,
BM25F with k1 = 1.2 and b = 0.75, no cursor beside a filter, at most 10,000 results.
"""

import math
import re
import time
from bisect import bisect_left
from collections import Counter
from uuid import UUID

import numpy as np

MAX_RESULTS = 10_000
K1, B = 1.2, 0.75
STOPWORDS = frozenset({"a", "an", "and", "as", "at", "by", "for", "in", "is", "it", "of", "on", "or", "the", "to"})
GRAPH = {
    "distance": "cosine",
    "cleanupIntervalSeconds": 300,
    "maxConnections": 32,
    "efConstruction": 128,
    "ef": -1,
    "dynamicEfMin": 100,
    "dynamicEfMax": 500,
    "dynamicEfFactor": 8,
    "vectorCacheMaxObjects": 10**12,
    "flatSearchCutoff": 40_000,
    "skip": False,
}
_CLASS = re.compile(r"[A-Z][_0-9A-Za-z]{0,254}")
_PROPERTY = re.compile(r"[_A-Za-z][_0-9A-Za-z]{0,230}")
_WORD = re.compile(r"[^\W_]+")


class RefusedError(Exception):
    """What the server answers with an error: the HTTP status and the text."""

    def __init__(self, status, text):
        super().__init__(text)
        self.status = status


class Class:
    """One class: its definition and its objects by uuid."""

    def __init__(self, definition):
        self.definition = definition
        self.properties = {prop["name"]: prop for prop in definition.get("properties", [])}
        self.objects = {}
        self._inverted = {}
        self._words = {}
        self._vectors = None

    @property
    def index(self):
        (named,) = self.definition["vectorConfig"].values()
        return named["vectorIndexConfig"]

    def misses(self, allowed):
        """Whether a search loses points: by the graph (unless few pass a filter), or by quantised vectors."""
        by_graph = "efConstruction" in self.index and (
            allowed is None or len(allowed) >= self.index["flatSearchCutoff"]
        )
        return by_graph or any(self.index.get(kind) for kind in ("rq", "sq", "bq"))

    def put(self, uuid, properties, vectors):
        for name, value in properties.items():
            self._check(name, value)
        for vector in vectors.values():
            held = next((other for other in self.objects.values() if other["vectors"]), None)
            if held and len(next(iter(held["vectors"].values()))) != len(vector):
                raise RefusedError(422, "vector lengths don't match")
        now = int(time.time() * 1000)
        self.objects[str(UUID(uuid))] = {"properties": properties, "vectors": vectors, "updated": now}
        self._forget()

    def remove(self, uuids):
        for uuid in uuids:
            self.objects.pop(uuid, None)
        self._forget()

    def _forget(self):
        self._inverted, self._words, self._vectors = {}, {}, None

    def _check(self, name, value):
        if name not in self.properties:
            raise RefusedError(422, f"no such prop with name '{name}' found in class '{self.definition['class']}'")
        kind = self.properties[name]["dataType"][0]
        allowed = {"text": str, "text[]": list, "number": float, "int": float}[kind]
        if not isinstance(value, allowed):
            raise RefusedError(422, f"invalid {kind} property '{name}'")

    # --- filters

    def tokens(self, name):
        """The inverted index of a filterable property: sorted keys, and the objects of each."""
        if name not in self._inverted:
            if not self.properties[name]["indexFilterable"]:
                raise RefusedError(422, f"filtering by property '{name}' requires inverted index")
            found = {}
            for uuid, one in self.objects.items():
                for value in one["properties"].get(name) or []:
                    found.setdefault(value.strip(), set()).add(uuid)
            self._inverted[name] = (sorted(found), found)
        return self._inverted[name]

    def like(self, name, pattern):
        """What a pattern of `*` and `?` matches: looked up from the characters before the first of them on."""
        fixed = re.match(r"[^*?]*", pattern)[0]
        keys, found = self.tokens(name)
        candidates = keys[bisect_left(keys, fixed) : bisect_left(keys, f"{fixed}\U0010ffff")]
        if pattern != f"{fixed}*":
            wanted = re.compile(re.escape(pattern).replace(r"\?", ".").replace(r"\*", ".*"), re.DOTALL)
            candidates = [key for key in candidates if wanted.fullmatch(key)]
        return set().union(*(found[key] for key in candidates))

    def in_order(self, name, operator, bound):
        prop = self.properties[name]
        if prop["dataType"] != ["int"] or not (prop["indexRangeFilters"] or prop["indexFilterable"]):
            raise RefusedError(422, f"no range filter on '{name}' here")
        compare = {"GREATER_THAN_EQUAL": float.__ge__, "LESS_THAN": float.__lt__}[operator]
        values = ((uuid, one["properties"].get(name)) for uuid, one in self.objects.items())
        return {uuid for uuid, value in values if value is not None and compare(float(value), float(bound))}

    # --- searches

    def distances(self, query, allowed):
        if self._vectors is None:
            rows = [uuid for uuid, one in self.objects.items() if one["vectors"]]
            dense = [next(iter(self.objects[uuid]["vectors"].values())) for uuid in rows]
            self._vectors = rows, np.array(dense, np.float32)
        rows, matrix = self._vectors
        if not rows:
            return {}
        if matrix.shape[1] != len(query):
            raise RefusedError(422, f"vector lengths don't match: {matrix.shape[1]} vs {len(query)}")
        query = query.astype(np.float32)
        if self.index["distance"] == "l2-squared":
            found = np.einsum("nd,nd->n", matrix - query, matrix - query)
        elif self.index["distance"] == "dot":
            found = -np.einsum("nd,d->n", matrix, query)
        else:
            lengths = np.linalg.norm(matrix, axis=1) * np.linalg.norm(query)
            found = 1 - np.einsum("nd,d->n", matrix, query) / lengths
        lost = {uuid for uuid in rows if self.misses(allowed) and int(uuid[-2:], 16) < 4}  # one in 64
        return {uuid: distance for uuid, distance in zip(rows, found.tolist(), strict=True) if uuid not in lost}

    def bm25(self, text, names):
        """BM25F: the frequencies of a word in all properties, each by its length, count as one."""
        if not text:
            raise RefusedError(422, "keyword search (bm25) must have query set")
        for name in names:
            if not self.properties[name]["indexSearchable"]:
                raise RefusedError(422, f"searching by property '{name}' requires searchable index")
            if name not in self._words:
                self._words[name] = {
                    uuid: Counter(_words(one["properties"].get(name, ""))) for uuid, one in self.objects.items()
                }
        scores = Counter()
        for word, times in Counter(word for word in _words(text) if word not in STOPWORDS).items():
            weights = Counter()
            for name in names:
                lengths = {uuid: counts.total() for uuid, counts in self._words[name].items()}
                mean = sum(lengths.values()) / max(len(lengths), 1) or 1.0
                for uuid, counts in self._words[name].items():
                    if counts[word]:
                        weights[uuid] += counts[word] / (1 - B + B * lengths[uuid] / mean)
            idf = math.log(1 + (len(self.objects) - len(weights) + 0.5) / (len(weights) + 0.5))
            for uuid, weight in weights.items():
                scores[uuid] += float(np.float32(times * idf * weight * (K1 + 1) / (weight + K1)))
        return scores


class Engine:
    """All classes of a server; what is written stays while the server is down."""

    def __init__(self):
        self.classes = {}

    def add(self, definition):
        name = definition["class"]
        if not _CLASS.fullmatch(name):
            raise RefusedError(422, f"'{name}' is not a valid class name")
        if name.lower() in {other.lower() for other in self.classes}:
            raise RefusedError(422, f"class name {name} already exists")
        for prop in definition.get("properties", []):
            if not _PROPERTY.fullmatch(prop["name"]) or prop["name"] in ("id", "_id", "_additional"):
                raise RefusedError(422, f"'{prop['name']}' is not a valid property name")
            if prop.get("indexRangeFilters") and prop["dataType"][0] not in ("int", "number", "date"):
                raise RefusedError(422, "`indexRangeFilters` is allowed only for number, int and date")
            text = prop["dataType"][0].startswith("text")
            defaults = {"indexFilterable": True, "indexSearchable": text, "indexRangeFilters": False}
            prop |= defaults | {"tokenization": "word" if text else None} | prop
        for named in definition.get("vectorConfig", {}).values():
            kind = named.setdefault("vectorIndexType", "hnsw")
            named["vectorIndexConfig"] = _complete(kind, named.get("vectorIndexConfig", {}))
        self.classes[name] = Class(definition)
        return definition

    def get(self, name, status=404):
        if name not in self.classes:
            raise RefusedError(status, f"could not find class {name} in schema")
        return self.classes[name]


def _complete(kind, given):
    """Fill in what the definition of an index leaves to the server."""
    if kind == "dynamic":
        parts = {name: _complete(name, given.get(name, {})) for name in ("hnsw", "flat")}
        return {"distance": "cosine", "threshold": 10_000} | given | parts
    return (GRAPH if kind == "hnsw" else {"distance": "cosine", "vectorCacheMaxObjects": 10**12}) | given


def check_limit(limit, offset=0):
    if limit + offset > MAX_RESULTS:
        raise RefusedError(
            422, f"query maximum results exceeded: limit '{limit}', QUERY_MAXIMUM_RESULTS '{MAX_RESULTS}'"
        )


def _words(text):
    return _WORD.findall(text.lower())
