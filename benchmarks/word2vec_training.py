"""Training word vectors beside gensim and fastText: words/s, end to end, memory, and what the vectors are worth.

Every run is a process of its own with two threads, on the same text: enwiki-fa, lower-cased, a paragraph a line, cut at
white space. `words/s` counts the words of the text, times epochs, over the seconds of training alone; `total` goes from
reading to saving. gensim's two ways are its iterator of sentences and `corpus_file`. Speed is measured over one epoch
of four million words (n-grams: one million), quality over five epochs of all sixteen.

Run `python benchmarks/word2vec_training.py` (about 40 minutes), or `--quick` for a look. Peers: `pip install gensim
fasttext-wheel`.
"""

import argparse
import json
import lzma
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from harness import machine, shared_data, write

WORDS = {"vector_size": 200, "window": 5, "negative": 5, "min_count": 5}
THREADS = 2
_WORD = re.compile(r"[a-z]+(?:'[a-z]+)?|\d+")


def write_corpus(path: Path, most: int) -> int:
    """Write the first words of the corpus, a paragraph a line, and say how many there are."""
    count = 0
    source = shared_data("enwiki-fa/enwiki-good-articles-2018.txt.xz")
    with lzma.open(source, "rt", encoding="utf-8") as lines, path.open("w", encoding="utf-8") as out:
        for line in lines:
            if words := _WORD.findall(line.lower()):
                out.write(" ".join(words) + "\n")
                count += len(words)
            if count >= most:
                break
    return count


def train_nearfield(corpus: str, out: str, job: dict[str, Any]) -> float:
    import nearfield as nf

    began: list[float] = []

    def watch(what: str, done: int, total: int | None) -> None:
        if what == "training":
            began.append(time.perf_counter())

    settings = {**WORDS, "vector_size": job["dim"], "epochs": job["epochs"], "sg": job["sg"]}
    settings |= {"subwords": True, "bucket": 2_000_000} if job["subwords"] else {}
    space = nf.train_word2vec(corpus, **settings, workers=THREADS, tokenise="whitespace", progress=watch)
    trained = time.perf_counter() - began[0]
    space.save(out)
    return trained


def train_gensim(corpus: str, out: str, job: dict[str, Any]) -> float:
    from gensim.models.word2vec import LineSentence, Word2Vec

    model = Word2Vec(**{**WORDS, "vector_size": job["dim"]}, sg=job["sg"], workers=THREADS, epochs=job["epochs"])
    whole = {"total_words": 0, "epochs": job["epochs"]}
    if job["way"] == "corpus_file":
        model.build_vocab(corpus_file=corpus)
        source: dict[str, Any] = {"corpus_file": corpus, "total_words": model.corpus_total_words}
    else:
        model.build_vocab(LineSentence(corpus))
        source = {"corpus_iterable": LineSentence(corpus), "total_examples": model.corpus_count}
    start = time.perf_counter()
    model.train(**{**whole, **source})
    trained = time.perf_counter() - start
    model.wv.save_word2vec_format(f"{out}.bin", binary=True)
    return trained


def train_fasttext(corpus: str, out: str, job: dict[str, Any]) -> float:
    import fasttext

    start = time.perf_counter()
    model = fasttext.train_unsupervised(
        corpus,
        model="skipgram" if job["sg"] else "cbow",
        dim=job["dim"],
        ws=5,
        neg=5,
        minCount=5,
        epoch=job["epochs"],
        thread=THREADS,
        t=1e-3,
        verbose=0,
    )
    trained = time.perf_counter() - start  # it reads the words first, which is a small part
    model.save_model(f"{out}.bin")
    return trained


TRAINERS = {"nearfield": train_nearfield, "gensim": train_gensim, "fasttext": train_fasttext}


def run(corpus: Path, out: Path, words: int, **job: Any) -> dict[str, float]:
    """Train in a process of its own, and say how fast it was."""
    job = {"sg": 1, "dim": 200, "epochs": 1, "subwords": False, "way": "iterator", **job}
    command = [sys.executable, __file__, "--job", json.dumps({**job, "corpus": str(corpus), "out": str(out)})]
    found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[-1])
    found["words_per_second"] = words * job["epochs"] / found["trained"]
    name = f"{job['trainer']} {job['way'] if job['trainer'] == 'gensim' else ''}"
    print(f"{name} sg={job['sg']} d={job['dim']} {words / 1e6:.0f} M: {found}", flush=True)
    return found


def do_job(job: dict[str, Any]) -> None:
    """Be that process."""
    start = time.perf_counter()
    trained = TRAINERS[job["trainer"]](job["corpus"], job["out"], job)
    total = time.perf_counter() - start
    # Not getrusage's: that also counts what the parent held when it forked.
    peak = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    print(json.dumps({"trained": trained, "total": total, "peak_mib": int(peak[1]) / 1024 if peak else None}))


def summary(runs: list[dict[str, float]]) -> dict[str, Any]:
    """Median, lowest and highest of each figure."""
    names = runs[0]
    return {
        name: {
            "median": statistics.median(run[name] for run in runs),
            "low": min(run[name] for run in runs),
            "high": max(run[name] for run in runs),
        }
        for name in names
    }


def speed(corpus: Path, folder: Path, words: int, repeats: int, jobs: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Run jobs in turns, so that what else the machine does meets all of them."""
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in jobs}
    for _ in range(repeats):
        for name, job in jobs.items():
            runs[name].append(run(corpus, folder / "vectors", words, **job))
    return {"words": words, **{name: summary(found) for name, found in runs.items()}}


def quality(kept: Path, sg: int, words: int, corpus: Path) -> dict[str, Any]:
    """Train five epochs with both, and compare the vectors on the words of both."""
    import nearfield as nf

    ours = run(corpus, kept / f"nearfield-sg{sg}.space", words, trainer="nearfield", sg=sg, epochs=5)
    theirs = kept / f"gensim-sg{sg}"
    if not theirs.with_suffix(".bin").exists():
        run(corpus, theirs, words, trainer="gensim", sg=sg, epochs=5)
    spaces = {
        "gensim": nf.load_space(theirs.with_suffix(".bin")),
        "nearfield": nf.load_space(kept / f"nearfield-sg{sg}.space"),
    }
    simlex = str(shared_data("wordsim-txt/data/word-sim/EN-SIMLEX-999.txt"))
    rare = str(shared_data("wordsim-txt/data/word-sim/EN-RW-STANFORD.txt"))
    comparison = nf.compare_spaces(spaces, ["wordsim-353", simlex, "men", rare, "google-analogies"])
    print(comparison, flush=True)
    return {"nearfield": ours, "comparison": comparison.to_json()}


def growth(corpora: dict[int, tuple[Path, int]], folder: Path) -> list[dict[str, Any]]:
    """Train once for each size of corpus and each dimension."""
    rows = []
    for path, words in corpora.values():
        for dim in (100, 300):
            for sg in (1, 0):
                found = run(path, folder / "vectors", words, trainer="nearfield", sg=sg, dim=dim)
                rows.append({"words": words, "dim": dim, "sg": sg, **found})
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--job", type=json.loads, help=argparse.SUPPRESS)
    parser.add_argument("--quick", action="store_true", help="a million words, two repeats, nothing written")
    parser.add_argument("--keep", type=Path, help="folder for the trained vectors; gensim's that are there are used")
    arguments = parser.parse_args()
    if arguments.job:
        do_job(arguments.job)
        return
    sizes = (1_000_000,) if arguments.quick else (1_000_000, 4_000_000, 100_000_000)
    repeats = 2 if arguments.quick else 5
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        kept = arguments.keep or folder
        corpora = {}
        for size in sizes:
            path = folder / f"{size}.txt"
            corpora[size] = (path, write_corpus(path, size))
        whole, words = corpora[sizes[-1]]
        (middle, fewer), (small, fewest) = corpora[sizes[len(sizes) // 2]], corpora[sizes[0]]
        results: dict[str, Any] = {"machine": machine("numba", "gensim", "fasttext-wheel"), "threads": THREADS}
        run(middle, folder / "vectors", fewer, trainer="nearfield")  # compiles, which is done once
        for sg, name in ((1, "skip_gram"), (0, "cbow")):
            jobs = {
                "nearfield": {"trainer": "nearfield", "sg": sg},
                "gensim": {"trainer": "gensim", "sg": sg},
                "gensim_corpus_file": {"trainer": "gensim", "sg": sg, "way": "corpus_file"},
            }
            results[name] = speed(middle, folder, fewer, repeats, jobs)
        jobs = {
            "nearfield": {"trainer": "nearfield", "subwords": True},
            "fasttext": {"trainer": "fasttext", "subwords": True},
        }
        results["subwords"] = speed(small, folder, fewest, repeats, jobs)
        results["quality"] = {name: quality(kept, sg, words, whole) for sg, name in ((1, "skip_gram"), (0, "cbow"))}
        results["growth"] = growth(corpora, folder)
    if not arguments.quick:
        print(write("word2vec_training", results))


if __name__ == "__main__":
    main()
