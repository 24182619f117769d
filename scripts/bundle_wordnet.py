"""Make the bundled extract of WordNet's nouns from Princeton's own files.

    python scripts/bundle_wordnet.py ../shared/data/wordnet-3.0/wordnet-dict.tar.xz src/nearfield/data/bundled/wordnet

It holds everything below four roots, all other senses of the words found there, and everything above those, in the
format of WordNet, with its offsets. Glosses and pointers other than to hypernyms are left out.
"""

import lzma
import sys
import tarfile
from pathlib import Path

from nearfield.data.wordnet import WordNet, read_wordnet

ROOTS = ("animal.n.01", "plant.n.02", "artifact.n.01", "food.n.01", "food.n.02")


def kept_synsets(wordnet: WordNet) -> set[int]:
    """Collect what is below the roots, the senses of its words, and what is above those."""
    kept = {synset for root in ROOTS for synset in wordnet.below(wordnet.synset(root))}
    kept |= {sense for synset in kept for word in wordnet.words[synset] for sense in wordnet.senses_of(word)}
    todo = list(kept)
    while todo:
        synset = todo.pop()
        new = {*wordnet.hypernyms[synset], *wordnet.classes[synset]} - kept
        kept |= new
        todo += new
    return kept


def extract(archive: Path, out: Path) -> None:
    """Write both files, compressed, with WordNet's own licence at their beginning."""
    wordnet = read_wordnet(archive)
    kept = kept_synsets(wordnet)
    with tarfile.open(archive) as opened:
        source = next(member for member in opened if member.name.endswith("data.noun"))
        lines = opened.extractfile(source).read().decode().splitlines()
    licence = [line for line in lines if line.startswith("  ")]
    synsets = [line for line in lines if not line.startswith("  ")]
    offsets = [line[:8] for line in synsets]
    short = [_without_gloss(synsets[synset]) for synset in sorted(kept)]
    named = {word.lower() for synset in kept for word in wordnet.words[synset]}
    senses = {word: [offsets[s] for s in wordnet.senses_of(word) if s in kept] for word in sorted(named)}
    index = [f"{word} n {len(s)} 0 {len(s)} 0 {' '.join(s)}" for word, s in senses.items()]
    out.mkdir(parents=True, exist_ok=True)
    for name, rows in {"data.noun": short, "index.noun": index}.items():
        content = "\n".join([*licence, *rows, ""]).encode()
        (out / f"{name}.xz").write_bytes(lzma.compress(content, preset=9 | lzma.PRESET_EXTREME))


def _without_gloss(line: str) -> str:
    fields = line.partition("|")[0].split()
    start = 4 + 2 * int(fields[3], 16)
    pointers = [fields[i : i + 4] for i in range(start + 1, len(fields), 4)]
    above = [field for pointer in pointers if pointer[0] in ("@", "@i") for field in pointer]
    return " ".join([*fields[:start], f"{len(above) // 4:03d}", *above, "|"])


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: bundle_wordnet.py ARCHIVE OUT_FOLDER")
    extract(Path(sys.argv[1]), Path(sys.argv[2]))
