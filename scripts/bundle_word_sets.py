"""Make the bundled word sets from the raw folders.

    python scripts/bundle_word_sets.py ../shared/data WORDNET_DICT src/nearfield/data/bundled/words

Only sets whose own licence lets them be handed on: WordSim-353, MEN and Google's analogies are compressed as they are,
and two sets are drawn from WordNet 3.0, whose folder of `data.noun` and its indexes is WORDNET_DICT. Which of its words
are common is counted in a corpus. The same input gives the same bytes.
"""

import csv
import lzma
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

SIMILARITY = {
    "wordsim-353": ("EN-WS-353-ALL.txt", 353),
    "wordsim-353-similarity": ("EN-WS-353-SIM.txt", 203),
    "wordsim-353-relatedness": ("EN-WS-353-REL.txt", 252),
    "men": ("EN-MEN-TR-3k.txt", 3000),
}
CATEGORIES = [
    "bird",
    "fish",
    "insect",
    "tree",
    "edible_fruit",
    "vegetable",
    "garment",
    "furniture",
    "vehicle",
    "musical_instrument",
    "weapon",
    "building",
    "disease",
    "chemical_element",
    "sport",
    "relative",
    "emotion",
    "beverage",
    "room",
]
COMMON = 30_000  # words that count as common: the most frequent ones of the corpus
LARGEST_CATEGORY, PAIRS_OF_A_KIND = 20, 500


@dataclass(frozen=True)
class Nouns:
    """WordNet's nouns.

    Attributes:
        lemmas: Lemmas of each synset.
        hypernyms: Synsets above each synset, those of instances left out.
        senses: Synsets of each lemma, the most frequent sense first.
        plain: Lemmas of at most four senses, of which more are nouns than not.
    """

    lemmas: dict[str, list[str]]
    hypernyms: dict[str, list[str]]
    senses: dict[str, list[str]]
    plain: set[str]

    def ancestors(self, synset: str) -> dict[str, int]:
        """Find all synsets above one, with their distance, 0 for itself."""
        found, layer, distance = {synset: 0}, [synset], 0
        while layer:
            distance += 1
            layer = [above for below in layer for above in self.hypernyms[below] if above not in found]
            found.update(dict.fromkeys(layer, distance))
        return found


def read_nouns(folder: Path) -> Nouns:
    lemmas, hypernyms, senses = {}, {}, {}
    for line in (folder / "data.noun").read_text(encoding="ascii").splitlines():
        if line.startswith(" "):  # the licence
            continue
        offset, _, _, count, *rest = line.split(" ")
        words = int(count, 16)
        lemmas[offset] = [word.lower() for word in rest[: 2 * words : 2] if word.islower()]
        pointers = rest[2 * words + 1 : 2 * words + 1 + 4 * int(rest[2 * words])]
        hypernyms[offset] = [pointers[i + 1] for i in range(0, len(pointers), 4) if pointers[i] == "@"]
    for line in (folder / "index.noun").read_text(encoding="ascii").splitlines():
        if not line.startswith(" "):
            lemma, _, count, *rest = line.split()
            senses[lemma] = rest[-int(count) :]
    others = Counter(
        line.split(" ", 1)[0]
        for part in ("verb", "adj", "adv")
        for line in (folder / f"index.{part}").read_text(encoding="ascii").splitlines()
        for _ in range(int(line.split()[2]) if not line.startswith(" ") else 0)
    )
    plain = {lemma for lemma, found in senses.items() if len(found) <= 4 and others[lemma] < len(found)}
    return Nouns(lemmas, hypernyms, senses, plain)


def common_words(corpus: Path) -> list[str]:
    """Rank words by how often they stand in lower case, which leaves names out."""
    counts: Counter[str] = Counter()
    with lzma.open(corpus, "rt", encoding="utf-8") as lines:
        for line in lines:
            counts.update(re.findall(r"\b[a-z]+\b", line))
    return [word for word, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:COMMON] if len(word) > 2]


def categories(nouns: Nouns, words: list[str]) -> Iterator[str]:
    """Take the most common words whose first sense is in one of the categories."""
    roots = {nouns.senses[name][0]: name for name in CATEGORIES}
    members: dict[str, list[str]] = {name: [] for name in CATEGORIES}
    for word in words:
        above = nouns.ancestors(nouns.senses[word][0]) if word in nouns.plain else {}
        names = [name for root, name in roots.items() if root in above]
        if len(names) == 1 and (name := names[0]) != word:
            members[name].append(word)
    yield "category\tword"
    for name, found in members.items():
        if len(found) < 8:
            sys.exit(f"category {name} has {len(found)} words only: {found}")
        for word in found[:LARGEST_CATEGORY]:
            yield f"{name}\t{word}"


def entailment(nouns: Nouns, words: list[str]) -> Iterator[str]:
    """Pair words with a hypernym, the same the other way round, with a sister term, and with an unrelated word."""
    rng = np.random.default_rng(0)
    first = {word: nouns.senses[word][0] for word in words if word in nouns.plain}
    known = {synset: word for word, synset in reversed(first.items())}
    above = {word: nouns.ancestors(synset) for word, synset in first.items()}
    candidates = {
        word: [known[a] for a, distance in above[word].items() if 1 <= distance <= 3 and a in known] for word in first
    }
    usable = [word for word in first if candidates[word]]
    yield "word1\tword2\trelation"
    written = 0
    for word in rng.permutation(usable).tolist():
        hypernym = str(rng.choice(candidates[word]))
        parents = set(nouns.hypernyms[first[word]])
        sisters = [
            w for w in first if first[w] != first[word] and parents & set(nouns.hypernyms[first[w]]) and w != hypernym
        ]
        strangers = [w for w in usable if len(set(above[w]) & set(above[word])) <= 3]
        if written == PAIRS_OF_A_KIND:
            return
        if not sisters or not strangers:
            continue
        written += 1
        sister, stranger = str(rng.choice(sisters)), str(rng.choice(strangers))
        for pair, relation in (
            ((word, hypernym), "hyper"),
            ((hypernym, word), "hypo"),
            ((word, sister), "coord"),
            ((word, stranger), "random"),
        ):
            yield "\t".join((*pair, relation))


def google(path: Path) -> Iterator[str]:
    """Write Google's questions in the layout of the original `questions-words.txt`."""
    section = ""
    with path.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            if row["type"] != section:
                section = row["type"]
                yield f": {section}"
            yield " ".join(row[name] for name in ("word1", "word2", "word3", "target"))


def write(path: Path, lines: Iterator[str]) -> None:
    content = "".join(f"{line}\n" for line in lines).encode()
    path.with_name(f"{path.name}.xz").write_bytes(lzma.compress(content, check=lzma.CHECK_CRC64, preset=9))
    print(path.name, content.count(b"\n"))


def main(data: Path, wordnet: Path, out: Path) -> None:
    for name, (file, count) in SIMILARITY.items():
        lines = (data / "wordsim-txt/data/word-sim" / file).read_text(encoding="utf-8").splitlines()
        if len(lines) != count:
            sys.exit(f"{file} must have {count} lines, has {len(lines)}")
        write(out / f"{name}.tsv", iter(lines))
    write(out / "google-analogies.txt", google(data / "wordbench/word-analogy/monolingual/en/google-analogies.csv"))
    nouns = read_nouns(wordnet)
    words = common_words(data / "enwiki-fa/enwiki-good-articles-2018.txt.xz")
    write(out / "wordnet-categories.tsv", categories(nouns, words))
    write(out / "wordnet-entailment.tsv", entailment(nouns, words))


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit("usage: bundle_word_sets.py SHARED_DATA WORDNET_DICT OUT_FOLDER")
    main(*map(Path, sys.argv[1:]))
