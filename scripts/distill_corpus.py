"""Write the texts that the default encoder is distilled from: one text a line, evaluation data left out.

    python scripts/distill_corpus.py SHARED_DATA OUTPUT.txt

The texts come from sets that may be redistributed and that nothing here is evaluated on: English Wikipedia articles
(titles, sentences, passages), WordNet glosses, World Factbook sections, SNLI sentences. A text is left out when it
stands in an evaluation set, or when half of its runs of four words do: both are compared by hash of their letters and
digits alone, so that case, spacing and punctuation hide nothing.
"""

import csv
import gzip
import hashlib
import io
import json
import lzma
import random
import re
import sys
import tarfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

SEED = 0
SENTENCES, PASSAGES, SECTIONS = 260_000, 45_000, 25_000
PASSAGE_WORDS = 150
SHINGLE_WORDS = 4
WORDS = re.compile(r"[^\W_]+")
# A full stop, question or exclamation mark, then a capital; initials and the commonest abbreviations do not end one.
SENTENCE_END = re.compile(r"(?<!\b[A-Z])(?<!\b(?:Mr|Dr|St|Mt|vs|Jr|Sr|Lt|No))(?<!\bMrs)(?<=[.!?])\s+(?=[A-Z\"'“])")


def words_of(text: str) -> list[str]:
    return WORDS.findall(text.lower())


def key(words: list[str]) -> bytes:
    return hashlib.blake2b(" ".join(words).encode(), digest_size=8).digest()


class Evaluation:
    """Hashes of every evaluation text and of its runs of words."""

    def __init__(self) -> None:
        self.texts: set[bytes] = set()
        self.shingles: set[bytes] = set()

    def add(self, text: str) -> None:
        words = words_of(text)
        self.texts.add(key(words))
        self.shingles.update(key(words[i : i + SHINGLE_WORDS]) for i in range(len(words) - SHINGLE_WORDS + 1))

    def holds(self, text: str) -> bool:
        words = words_of(text)
        if key(words) in self.texts:
            return True
        shingles = [key(words[i : i + SHINGLE_WORDS]) for i in range(len(words) - SHINGLE_WORDS + 1)]
        return 2 * sum(shingle in self.shingles for shingle in shingles) >= len(shingles) > 0


def evaluation_texts(data: Path) -> Iterator[str]:
    """Every text of every set that anything is evaluated on."""
    for name in ("scifact", "nfcorpus", "cranfield"):
        for file in (data / name).glob("*.jsonl"):
            for record in map(json.loads, file.open(encoding="utf-8")):
                yield f"{record.get('title', '')} {record['text']}"
    for file in (data / "scifact").glob("claims_*.csv"):
        yield from (cell for row in csv.reader(file.open(encoding="utf-8")) for cell in row if " " in cell)
    for article in json.loads((data / "xquad/xquad.en.json").read_text(encoding="utf-8"))["data"]:
        for paragraph in article["paragraphs"]:
            yield from (paragraph["context"], *(question["question"] for question in paragraph["qas"]))
    # Whatever else is evaluated on holds its texts as the cells of tables, lines of texts or values of JSON.
    folders = "stsb sick paws-wiki banking77 clinc150 agnews stackoverflow-titles tatoeba-laser wic query-variations"
    for name in [*folders.split(), "cosqa", "code", "winobias", "crows-pairs", "emoji-noto"]:
        for file in sorted((data / name).rglob("*")):
            if file.is_file() and file.suffix in {".csv", ".tsv", ".txt", ".json", ".jsonl", ".eng", ".gz", ".xz"}:
                yield from cells(file)


def cells(file: Path) -> Iterator[str]:
    opener = {".gz": gzip.open, ".xz": lzma.open}.get(file.suffix, open)
    with opener(file, "rt", encoding="utf-8", errors="replace") as lines:
        for line in lines:
            yield from (cell for cell in re.split(r'\t|","|": "', line) if cell.count(" ") >= 1)


def wikipedia(data: Path) -> Iterator[tuple[str, list[str]]]:
    """Title and paragraphs of each article."""
    title, paragraphs = "", []
    with lzma.open(data / "enwiki-fa/enwiki-good-articles-2018.txt.xz", "rt", encoding="utf-8") as lines:
        for line in lines:
            if heading := re.fullmatch(r"= (.+) =\s*", line):
                if title:
                    yield title, paragraphs
                title, paragraphs = heading[1], []
            elif len(line) > 60:
                paragraphs.append(line.strip())
    yield title, paragraphs


def passages(paragraphs: list[str]) -> Iterator[str]:
    """Whole sentences, together about `PASSAGE_WORDS` long."""
    for paragraph in paragraphs:
        passage: list[str] = []
        for sentence in SENTENCE_END.split(paragraph):
            passage.append(sentence)
            if sum(len(part.split()) for part in passage) >= PASSAGE_WORDS:
                yield " ".join(passage)
                passage = []


def glosses(data: Path) -> Iterator[str]:
    """Each synset as a dictionary would print it: lemmas, then definition and examples."""
    with tarfile.open(data / "wordnet-3.0/wordnet-dict.tar.xz") as archive:
        for member in archive.getmembers():
            if not re.search(r"data\.(noun|verb|adj|adv)$", member.name):
                continue
            for line in io.TextIOWrapper(archive.extractfile(member), encoding="utf-8"):  # type: ignore[arg-type]
                if not line.startswith("  "):  # the licence
                    synset, _, gloss = line.partition(" | ")
                    parts = synset.split()
                    lemmas = parts[4 : 4 + 2 * int(parts[3], 16) : 2]
                    yield f"{', '.join(lemmas).replace('_', ' ')}: {gloss.strip()}"


def candidates(data: Path, rng: random.Random) -> Iterator[tuple[str, str]]:
    sentences, long = [], []
    for title, paragraphs in wikipedia(data):
        yield "Wikipedia titles", title
        sentences += [s for p in paragraphs for s in SENTENCE_END.split(p) if 5 <= len(s.split()) <= 60]
        long += passages(paragraphs)
    yield from (("Wikipedia sentences", text) for text in rng.sample(sentences, SENTENCES))
    yield from (("Wikipedia passages", text) for text in rng.sample(long, min(PASSAGES, len(long))))
    yield from (("WordNet glosses", text) for text in glosses(data))
    with gzip.open(data / "factbook/factbook-sections.jsonl.gz", "rt", encoding="utf-8") as lines:
        records = [json.loads(line) for line in lines]
    sections = [
        f"{record['country']}: {record['section'].split('/')[-1].strip()}. {record['text']}"
        for record in records
        if 6 <= len(record["text"].split()) <= PASSAGE_WORDS
    ]
    yield from (("World Factbook", text) for text in rng.sample(sections, min(SECTIONS, len(sections))))
    for name in ("test", "validation"):
        with (data / f"snli/{name}.tsv").open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
                yield "SNLI", row["premise"]
                yield "SNLI", row["hypothesis"]


def write(data: Path, output: Path) -> None:
    """Write the texts, in random order, and print how many each source gave."""
    rng = random.Random(SEED)
    evaluation = Evaluation()
    for text in evaluation_texts(data):
        evaluation.add(text)
    print(f"{len(evaluation.texts):,} evaluation texts, {len(evaluation.shingles):,} runs of {SHINGLE_WORDS} words")
    taken, left_out = Counter[str](), Counter[str]()
    seen: set[bytes] = set()
    texts: list[str] = []
    for source, candidate in candidates(data, rng):
        text = " ".join(candidate.split())
        if (digest := key(words_of(text))) in seen:
            continue
        seen.add(digest)
        if evaluation.holds(text):
            left_out[source] += 1
        else:
            taken[source] += 1
            texts.append(text)
    rng.shuffle(texts)
    output.write_text("\n".join(texts) + "\n", encoding="utf-8")
    for source in taken:
        print(f"{source}: {taken[source]:,} texts, {left_out[source]:,} left out as evaluation data")
    print(f"{len(texts):,} texts, SHA-256 {hashlib.sha256(output.read_bytes()).hexdigest()}")


if __name__ == "__main__":
    write(Path(sys.argv[1]), Path(sys.argv[2]))
