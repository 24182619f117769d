"""Writes to a store until killed, saying what was acknowledged; run by test_embedded_kill.py as a process of its own.

What it does is a plan that follows from an operation's name and a step's number alone, so that the parent knows what
should be there. Another operation joins by a function in `PLANS`.
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import numpy as np

from nearfield.arrays import Vectors
from nearfield.stores.base import Batch, Payload, StoreConfig
from nearfield.stores.embedded.store import EmbeddedStore

CONFIG = StoreConfig(dim=8, index_above=100)
POINTS = 400
GROUPS = 20


@dataclass(frozen=True)
class Action:
    """One call of the store.

    Attributes:
        name: The method.
        ids: The points it is about.
        text: What their payloads say afterwards.
    """

    name: str
    ids: tuple[str, ...] = ()
    text: str = ""


def some(step: int, size: int) -> tuple[str, ...]:
    return tuple(f"p{(step * 37 + row) % POINTS}" for row in range(size))


def group_of(id: str) -> int:
    return int(id[1:]) % GROUPS


def members(group: int) -> tuple[str, ...]:
    return tuple(f"p{number}" for number in range(group, POINTS, GROUPS))


def upserting(step: int) -> Iterator[Action]:
    yield Action("upsert", some(step, 60), f"upsert {step}")


def updating(step: int) -> Iterator[Action]:
    yield Action("update", some(step, 40), f"update {step}")


def deleting(step: int) -> Iterator[Action]:
    yield Action("delete", some(step, 30))
    yield Action("upsert", some(step, 30), f"back {step}")


def deleting_where(step: int) -> Iterator[Action]:
    yield Action("delete_where", members(step % GROUPS))
    yield Action("upsert", members(step % GROUPS), f"back {step}")


def optimising(step: int) -> Iterator[Action]:
    yield Action("upsert", some(step, 60), f"before {step}")
    yield Action("optimise")


def compacting(step: int) -> Iterator[Action]:
    yield Action("delete", some(step, 20))
    yield Action("upsert", some(step, 40), f"before {step}")
    yield Action("compact")


PLANS: dict[str, Callable[[int], Iterator[Action]]] = {
    "upsert": upserting,
    "update": updating,
    "delete": deleting,
    "delete_where": deleting_where,
    "optimise": optimising,
    "compact": compacting,
}


def plan(operation: str, first: int) -> Iterator[Action]:
    """All that is done from a step on."""
    return (action for step in count(first) for action in PLANS[operation](step))


def vector_of(id: str) -> Vectors:
    return np.random.default_rng(int(id[1:])).normal(size=8).astype(np.float32)


def batch(ids: tuple[str, ...], text: str) -> Batch:
    return Batch(ids, payloads(ids, text), np.stack([vector_of(id) for id in ids]))


def payloads(ids: tuple[str, ...], text: str) -> list[Payload]:
    return [Payload(text, digest=text, meta={"group": group_of(id)}) for id in ids]


def act(store: EmbeddedStore, action: Action) -> None:
    if action.name == "upsert":
        store.upsert(batch(action.ids, action.text))
    elif action.name == "update":
        store.update(action.ids, payloads(action.ids, action.text))
    elif action.name == "delete":
        store.delete(action.ids)
    elif action.name == "delete_where":
        store.delete_where({"group": group_of(action.ids[0])})
    else:
        getattr(store, action.name)()


def main() -> None:
    folder, operation, first = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    store = EmbeddedStore.open(folder, CONFIG)
    print("opened", flush=True)
    for done, action in enumerate(plan(operation, first), start=1):
        act(store, action)
        print(done, flush=True)


if __name__ == "__main__":
    main()
