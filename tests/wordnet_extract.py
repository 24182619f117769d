"""A dozen concepts in the format of WordNet's dict folder."""

# words, hypernyms and what it is an instance of, both by their first word
SYNSETS = {
    "entity": (("entity",), (), ()),
    "animal": (("animal", "beast"), ("entity",), ()),
    "artifact": (("artifact",), ("entity",), ()),
    "mammal": (("mammal",), ("animal",), ()),
    "bird": (("bird",), ("animal",), ()),
    "pet": (("pet",), ("animal",), ()),
    "canine": (("canine",), ("mammal",), ()),
    "dog": (("dog", "domestic_dog"), ("canine", "pet"), ()),
    "wolf": (("wolf",), ("canine",), ()),
    "cat": (("cat",), ("mammal",), ()),
    "crane": (("crane",), ("bird",), ()),
    "eagle": (("eagle",), ("bird",), ()),
    "hoist": (("hoist", "crane"), ("artifact",), ()),
    "whale": (("whale",), ("mammal",), ()),
    "Lassie": (("Lassie",), (), ("dog",)),
}
LICENCE = "  1 what stands at the top of the files begins with spaces  \n"


def write_wordnet(folder, synsets=None):
    """Write `data.noun` and `index.noun`, as they stand in WordNet."""
    synsets = SYNSETS if synsets is None else synsets
    folder.mkdir(parents=True, exist_ok=True)
    offset = {name: f"{100 * (row + 1):08d}" for row, name in enumerate(synsets)}
    lines, senses = [], {}
    for name, (words, hypernyms, classes) in synsets.items():
        above = [("@", other) for other in hypernyms] + [("@i", other) for other in classes]
        pointers = [f"{symbol} {offset[other]} n 0000" for symbol, other in above] + ["+ 00000042 v 0101"]
        listed = " ".join(f"{word} 0" for word in words)
        lines.append(f"{offset[name]} 03 n {len(words):02x} {listed} {len(pointers):03d} {' '.join(pointers)} | gloss")
        for word in words:
            senses.setdefault(word.lower(), []).append(offset[name])
    index = [f"{word} n {len(found)} 1 @ {len(found)} 0 {' '.join(found)}  " for word, found in sorted(senses.items())]
    (folder / "data.noun").write_text(LICENCE + "\n".join(lines) + "\n")
    (folder / "index.noun").write_text(LICENCE + "\n".join(index) + "\n")
    return folder
