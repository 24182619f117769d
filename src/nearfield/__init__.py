"""Prove and ship the right embeddings for your own data."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nearfield.collection.build import build_collection as build_collection
    from nearfield.collection.collection import Collection as Collection
    from nearfield.collection.results import Hit as Hit
    from nearfield.data.beir import Dataset as Dataset
    from nearfield.data.beir import read_beir as read_beir
    from nearfield.data.beir import write_beir as write_beir
    from nearfield.data.bundled import load_dataset as load_dataset
    from nearfield.data.corpus import Corpus as Corpus
    from nearfield.data.corpus import read_corpus as read_corpus
    from nearfield.data.images import Image as Image
    from nearfield.data.judgements import Judgements as Judgements
    from nearfield.data.judgements import read_judgements as read_judgements
    from nearfield.data.judgements import read_qrels as read_qrels
    from nearfield.data.judgements import read_queries as read_queries
    from nearfield.data.records import Record as Record
    from nearfield.encoders.api_options import ServiceOptions as ServiceOptions
    from nearfield.encoders.base import Encoder as Encoder
    from nearfield.encoders.base import EncoderSpec as EncoderSpec
    from nearfield.encoders.cache import VectorCache as VectorCache
    from nearfield.encoders.catalogue import CatalogueEntry as CatalogueEntry
    from nearfield.encoders.catalogue import catalogue as catalogue
    from nearfield.encoders.load import load_encoder as load_encoder
    from nearfield.evaluation.compare import compare as compare
    from nearfield.evaluation.comparison import ComparisonReport as ComparisonReport
    from nearfield.evaluation.cost import CostModel as CostModel
    from nearfield.evaluation.evaluate import EvaluationReport as EvaluationReport
    from nearfield.evaluation.evaluate import evaluate as evaluate
    from nearfield.retrieval.spec import RetrieverSpec as RetrieverSpec
    from nearfield.space.axes import Axis as Axis
    from nearfield.space.axes import example_axes as example_axes
    from nearfield.space.axes import fit_axis as fit_axis
    from nearfield.space.clusters import Clusters as Clusters
    from nearfield.space.clusters import cluster as cluster
    from nearfield.space.load import load_space as load_space
    from nearfield.space.neighbours import Neighbour as Neighbour
    from nearfield.space.projection import Projection as Projection
    from nearfield.space.projection import project as project
    from nearfield.space.space import Space as Space
    from nearfield.space.subwords import Subwords as Subwords
    from nearfield.stores.base import StoreConfig as StoreConfig
    from nearfield.training.distill import DistillOptions as DistillOptions
    from nearfield.training.distill import distill as distill

__version__ = "0.1.0"

_HOMES = {
    "Axis": "space.axes",
    "CatalogueEntry": "encoders.catalogue",
    "Clusters": "space.clusters",
    "Collection": "collection.collection",
    "ComparisonReport": "evaluation.comparison",
    "Corpus": "data.corpus",
    "CostModel": "evaluation.cost",
    "Dataset": "data.beir",
    "DistillOptions": "training.distill",
    "Encoder": "encoders.base",
    "EncoderSpec": "encoders.base",
    "EvaluationReport": "evaluation.evaluate",
    "Hit": "collection.results",
    "Image": "data.images",
    "Judgements": "data.judgements",
    "Neighbour": "space.neighbours",
    "Projection": "space.projection",
    "Record": "data.records",
    "RetrieverSpec": "retrieval.spec",
    "ServiceOptions": "encoders.api_options",
    "Space": "space.space",
    "StoreConfig": "stores.base",
    "Subwords": "space.subwords",
    "VectorCache": "encoders.cache",
    "build_collection": "collection.build",
    "catalogue": "encoders.catalogue",
    "cluster": "space.clusters",
    "compare": "evaluation.compare",
    "distill": "training.distill",
    "evaluate": "evaluation.evaluate",
    "example_axes": "space.axes",
    "fit_axis": "space.axes",
    "load_dataset": "data.bundled",
    "load_encoder": "encoders.load",
    "load_space": "space.load",
    "project": "space.projection",
    "read_beir": "data.beir",
    "read_corpus": "data.corpus",
    "read_judgements": "data.judgements",
    "read_qrels": "data.judgements",
    "read_queries": "data.judgements",
    "write_beir": "data.beir",
}

__all__ = ["__version__", *_HOMES]  # the keys are the public names


def __getattr__(name: str) -> Any:  # noqa: ANN401  # PEP 562: a module's attribute may be anything
    if name not in _HOMES:
        raise AttributeError(f"module 'nearfield' has no attribute {name!r}; it has {', '.join(__all__)}")
    value = getattr(importlib.import_module(f"nearfield.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
