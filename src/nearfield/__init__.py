"""Prove and ship the right embeddings for your own data."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nearfield.collection.adapter import Adapter as Adapter
    from nearfield.collection.adapter import fit_adapter as fit_adapter
    from nearfield.collection.build import build_collection as build_collection
    from nearfield.collection.collection import Collection as Collection
    from nearfield.collection.copy import CopySummary as CopySummary
    from nearfield.collection.copy import copy_collection as copy_collection
    from nearfield.collection.export import export_parquet as export_parquet
    from nearfield.collection.gate import GateResult as GateResult
    from nearfield.collection.generations import abandon_migration as abandon_migration
    from nearfield.collection.generations import drop_previous as drop_previous
    from nearfield.collection.listing import collection_exists as collection_exists
    from nearfield.collection.listing import drop_collection as drop_collection
    from nearfield.collection.listing import list_collections as list_collections
    from nearfield.collection.migration import Migration as Migration
    from nearfield.collection.migration import MigrationSummary as MigrationSummary
    from nearfield.collection.migration import migrate as migrate
    from nearfield.collection.migration_plan import MigrationPlan as MigrationPlan
    from nearfield.collection.migration_plan import plan_migration as plan_migration
    from nearfield.collection.results import Hit as Hit
    from nearfield.collection.rollback import RollbackSummary as RollbackSummary
    from nearfield.collection.rollback import roll_back as roll_back
    from nearfield.collection.snapshot import restore_snapshot as restore_snapshot
    from nearfield.collection.snapshot import save_snapshot as save_snapshot
    from nearfield.collection.verify import VerificationReport as VerificationReport
    from nearfield.collection.verify import verify_collection as verify_collection
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
    from nearfield.data.word_sets import WordSetEntry as WordSetEntry
    from nearfield.data.word_sets import load_word_set as load_word_set
    from nearfield.data.word_sets import word_sets as word_sets
    from nearfield.data.wordnet import WordNet as WordNet
    from nearfield.data.wordnet import read_wordnet as read_wordnet
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
    from nearfield.evaluation.hierarchy import HierarchyReport as HierarchyReport
    from nearfield.evaluation.hierarchy import evaluate_hierarchy as evaluate_hierarchy
    from nearfield.evaluation.intrinsic import evaluate_intrinsic as evaluate_intrinsic
    from nearfield.evaluation.intrinsic_comparison import SpaceComparison as SpaceComparison
    from nearfield.evaluation.intrinsic_comparison import compare_spaces as compare_spaces
    from nearfield.evaluation.intrinsic_report import IntrinsicReport as IntrinsicReport
    from nearfield.evaluation.migration_gate import AgreementGate as AgreementGate
    from nearfield.evaluation.migration_gate import JudgedGate as JudgedGate
    from nearfield.evaluation.recall import measure_recall as measure_recall
    from nearfield.evaluation.recall_report import RecallReport as RecallReport
    from nearfield.retrieval.spec import RetrieverSpec as RetrieverSpec
    from nearfield.space.alignment import align as align
    from nearfield.space.alignment_report import Alignment as Alignment
    from nearfield.space.axes import Axis as Axis
    from nearfield.space.axes import example_axes as example_axes
    from nearfield.space.axes import fit_axis as fit_axis
    from nearfield.space.clusters import Clusters as Clusters
    from nearfield.space.clusters import cluster as cluster
    from nearfield.space.dimension import measure_dimension as measure_dimension
    from nearfield.space.dimension_report import DimensionReport as DimensionReport
    from nearfield.space.encoder import save_encoder as save_encoder
    from nearfield.space.encoder import space_encoder as space_encoder
    from nearfield.space.encoding import encode_space as encode_space
    from nearfield.space.hierarchy import build_tree as build_tree
    from nearfield.space.linear_map import LinearMap as LinearMap
    from nearfield.space.load import load_space as load_space
    from nearfield.space.neighbour_comparison import NeighbourComparison as NeighbourComparison
    from nearfield.space.neighbour_comparison import compare_neighbours as compare_neighbours
    from nearfield.space.neighbours import Neighbour as Neighbour
    from nearfield.space.postprocessing import centre as centre
    from nearfield.space.postprocessing import quantise as quantise
    from nearfield.space.postprocessing import reduce as reduce
    from nearfield.space.postprocessing import remove_top_components as remove_top_components
    from nearfield.space.postprocessing import truncate as truncate
    from nearfield.space.postprocessing import whiten as whiten
    from nearfield.space.projection import Projection as Projection
    from nearfield.space.projection import project as project
    from nearfield.space.space import Space as Space
    from nearfield.space.subwords import Subwords as Subwords
    from nearfield.space.tree import Tree as Tree
    from nearfield.space.tree_cut import Cut as Cut
    from nearfield.space.write import write_space as write_space
    from nearfield.stores.base import StoreConfig as StoreConfig
    from nearfield.stores.chroma.config import ChromaConfig as ChromaConfig
    from nearfield.stores.milvus.config import MilvusConfig as MilvusConfig
    from nearfield.stores.pinecone.config import PineconeConfig as PineconeConfig
    from nearfield.stores.postgresql.config import PostgresConfig as PostgresConfig
    from nearfield.stores.qdrant.config import QdrantConfig as QdrantConfig
    from nearfield.stores.qdrant.config import QdrantLocalConfig as QdrantLocalConfig
    from nearfield.stores.weaviate.config import WeaviateConfig as WeaviateConfig
    from nearfield.training.distill import DistillOptions as DistillOptions
    from nearfield.training.distill import distill as distill
    from nearfield.training.word2vec.train import train_word2vec as train_word2vec

__version__ = "0.1.0"

_HOMES = {
    "Adapter": "collection.adapter",
    "AgreementGate": "evaluation.migration_gate",
    "Alignment": "space.alignment_report",
    "Axis": "space.axes",
    "CatalogueEntry": "encoders.catalogue",
    "ChromaConfig": "stores.chroma.config",
    "Clusters": "space.clusters",
    "Collection": "collection.collection",
    "ComparisonReport": "evaluation.comparison",
    "CopySummary": "collection.copy",
    "Corpus": "data.corpus",
    "CostModel": "evaluation.cost",
    "Cut": "space.tree_cut",
    "Dataset": "data.beir",
    "DimensionReport": "space.dimension_report",
    "DistillOptions": "training.distill",
    "Encoder": "encoders.base",
    "EncoderSpec": "encoders.base",
    "EvaluationReport": "evaluation.evaluate",
    "GateResult": "collection.gate",
    "HierarchyReport": "evaluation.hierarchy",
    "Hit": "collection.results",
    "Image": "data.images",
    "IntrinsicReport": "evaluation.intrinsic_report",
    "JudgedGate": "evaluation.migration_gate",
    "Judgements": "data.judgements",
    "LinearMap": "space.linear_map",
    "Migration": "collection.migration",
    "MigrationPlan": "collection.migration_plan",
    "MigrationSummary": "collection.migration",
    "MilvusConfig": "stores.milvus.config",
    "Neighbour": "space.neighbours",
    "NeighbourComparison": "space.neighbour_comparison",
    "PineconeConfig": "stores.pinecone.config",
    "PostgresConfig": "stores.postgresql.config",
    "Projection": "space.projection",
    "QdrantConfig": "stores.qdrant.config",
    "QdrantLocalConfig": "stores.qdrant.config",
    "RecallReport": "evaluation.recall_report",
    "Record": "data.records",
    "RetrieverSpec": "retrieval.spec",
    "RollbackSummary": "collection.rollback",
    "ServiceOptions": "encoders.api_options",
    "Space": "space.space",
    "SpaceComparison": "evaluation.intrinsic_comparison",
    "StoreConfig": "stores.base",
    "Subwords": "space.subwords",
    "Tree": "space.tree",
    "VectorCache": "encoders.cache",
    "VerificationReport": "collection.verify",
    "WeaviateConfig": "stores.weaviate.config",
    "WordNet": "data.wordnet",
    "WordSetEntry": "data.word_sets",
    "abandon_migration": "collection.generations",
    "align": "space.alignment",
    "build_collection": "collection.build",
    "build_tree": "space.hierarchy",
    "catalogue": "encoders.catalogue",
    "centre": "space.postprocessing",
    "cluster": "space.clusters",
    "collection_exists": "collection.listing",
    "compare": "evaluation.compare",
    "compare_neighbours": "space.neighbour_comparison",
    "compare_spaces": "evaluation.intrinsic_comparison",
    "copy_collection": "collection.copy",
    "distill": "training.distill",
    "drop_collection": "collection.listing",
    "drop_previous": "collection.generations",
    "encode_space": "space.encoding",
    "evaluate": "evaluation.evaluate",
    "evaluate_hierarchy": "evaluation.hierarchy",
    "evaluate_intrinsic": "evaluation.intrinsic",
    "example_axes": "space.axes",
    "export_parquet": "collection.export",
    "fit_adapter": "collection.adapter",
    "fit_axis": "space.axes",
    "list_collections": "collection.listing",
    "load_dataset": "data.bundled",
    "load_encoder": "encoders.load",
    "load_space": "space.load",
    "load_word_set": "data.word_sets",
    "measure_dimension": "space.dimension",
    "measure_recall": "evaluation.recall",
    "migrate": "collection.migration",
    "plan_migration": "collection.migration_plan",
    "project": "space.projection",
    "quantise": "space.postprocessing",
    "read_beir": "data.beir",
    "read_corpus": "data.corpus",
    "read_judgements": "data.judgements",
    "read_qrels": "data.judgements",
    "read_queries": "data.judgements",
    "read_wordnet": "data.wordnet",
    "reduce": "space.postprocessing",
    "remove_top_components": "space.postprocessing",
    "restore_snapshot": "collection.snapshot",
    "roll_back": "collection.rollback",
    "save_encoder": "space.encoder",
    "save_snapshot": "collection.snapshot",
    "space_encoder": "space.encoder",
    "train_word2vec": "training.word2vec.train",
    "truncate": "space.postprocessing",
    "verify_collection": "collection.verify",
    "whiten": "space.postprocessing",
    "word_sets": "data.word_sets",
    "write_beir": "data.beir",
    "write_space": "space.write",
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
