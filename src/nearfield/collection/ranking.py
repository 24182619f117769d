"""From a query to a ranking: every leg asks the store for its best, and the answers are fused."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from nearfield.collection.results import Hit, Ranked
from nearfield.collection.serving import Serving
from nearfield.data.images import Image
from nearfield.encoders.base import Item, check_vectors
from nearfield.errors import InvalidInputError
from nearfield.retrieval.fusion import fuse
from nearfield.stores.arguments import check_k
from nearfield.stores.base import Match, Where


@dataclass(frozen=True)
class _Leg:
    """One leg's question to the store; `ask` takes the number of candidates as `k`."""

    name: str
    ask: Callable[..., list[Match]]
    lexical: bool


def rank(serving: Serving, query: Item, *, k: int, where: Where | None = None) -> list[Ranked]:
    """Rank records by a query; see `Collection.rank`."""
    spec = serving.spec
    _check_query(serving, query)
    k = check_k(k)
    legs = _legs(serving, query, where)
    fused = len(legs) > 1
    depth = spec.depth if fused else max(k, spec.depth)
    scores: dict[str, dict[str, float]] = {}
    floors: list[float | None] = []
    for leg in legs:
        matches = leg.ask(k=depth)
        scores[leg.name] = {match.id: match.score for match in matches}
        # Of a lexical leg, all that share a word were returned.
        floors.append(0.0 if leg.lexical and len(matches) < depth else None)
    if fused:
        order = fuse(list(scores.values()), floors=floors, weights=spec.weights, method=spec.fusion)
    else:
        order = list(next(iter(scores.values())).items())
    return [
        Ranked(id_, score, {leg: found[id_] for leg, found in scores.items() if id_ in found})
        for id_, score in order[:k]
    ]


def search(serving: Serving, query: Item, *, k: int, where: Where | None = None) -> list[Hit]:
    """Find the records that answer a query best; see `Collection.search`."""
    ranking = rank(serving, query, k=k, where=where)
    points = {point.id: point.payload for point in serving.store.get([found.id for found in ranking])}
    # A record deleted by another thread between the two steps is no hit any more.
    return [
        Hit(found.id, found.score, payload.text, payload.title, payload.meta, found.legs, payload.image)
        for found in ranking
        if (payload := points.get(found.id)) is not None
    ]


def _legs(serving: Serving, query: Item, where: Where | None) -> list[_Leg]:
    """Prepare what each leg asks the store."""
    spec, store = serving.spec, serving.store
    legs: list[_Leg] = []
    if isinstance(query, str):
        for name, lexicon in serving.lexicons.items():
            ask = partial(store.query_sparse, name, lexicon.query(query), where=where, with_payload=False)
            legs.append(_Leg(name, ask, lexical=True))
        if spec.engine is not None:
            ask = partial(store.query_text, query, where=where, with_payload=False)
            legs.append(_Leg(spec.engine, ask, lexical=True))
    if (asker := serving.asker) is not None:
        vector = check_vectors(asker.encode_query([query]), asker.spec, 1)[0]
        ask = partial(store.query, vector, where=where, with_payload=False)
        legs.append(_Leg(spec.legs[-1], ask, lexical=False))
    return legs


def _check_query(serving: Serving, query: Item) -> None:
    if isinstance(query, Image):
        if serving.spec.encoder is None:
            raise InvalidInputError(
                f"{serving.spec.name} searches by words only; ask it with a text, or index with a CLIP, SigLIP, ViT "
                "or DINOv2 model to search by image"
            )
    elif not isinstance(query, str) or not query.strip():
        raise InvalidInputError(f"the query is empty or no text, got {query!r:.40}; give it at least one word")
