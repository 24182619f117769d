"""The classics of word vectors: one-hot against dense, nearest neighbours, king - man + woman.

    python examples/classic_demonstrations.py [CORPUS.txt]

Without a corpus it trains on 20,000 sentences that it makes up: a toy, where a king differs from a queen just as a man
does from a woman, so that it all works in seconds. A real corpus of some million words shows the same without such
help, and with mistakes.
"""

import random
import sys

import numpy as np

import nearfield as nf

KINDS = {
    **{word: f"{kind} plain grown" for word, kind in (("man", "male"), ("woman", "female"))},
    **{word: f"{kind} plain young" for word, kind in (("boy", "male"), ("girl", "female"))},
    **{word: f"{kind} royal grown" for word, kind in (("king", "male"), ("queen", "female"))},
    **{word: f"{kind} royal young" for word, kind in (("prince", "male"), ("princess", "female"))},
    **dict.fromkeys(["cat", "dog", "puppy", "kitten"], "pet"),
    **dict.fromkeys(["quantum", "particle", "energy", "wave"], "physics"),
    **dict.fromkeys(["car", "bus", "truck", "train"], "traffic"),
}
AROUND = {
    "male": ["he", "his", "himself", "beard", "suit"],
    "female": ["she", "her", "herself", "dress", "skirt"],
    "royal": ["throne", "crown", "palace", "kingdom", "castle"],
    "plain": ["farm", "shop", "street", "village", "kitchen"],
    "grown": ["old", "wise", "tired", "married", "work"],
    "young": ["school", "play", "toys", "small", "child"],
    "pet": ["tail", "paw", "fur", "bowl", "basket", "garden", "fed", "asleep"],
    "physics": ["physics", "theory", "laboratory", "measured", "equation", "atom", "mass", "field"],
    "traffic": ["road", "wheel", "engine", "driver", "station", "fast", "ticket", "brake"],
}


def made_up_sentence(chance: random.Random) -> list[str]:
    """A word and six or four that go with it, without grammar."""
    word = chance.choice(list(KINDS))
    kinds = KINDS[word].split()
    around = [other for kind in kinds for other in chance.sample(AROUND[kind], 2 if len(kinds) > 1 else 4)]
    return chance.sample([word, *around], 1 + len(around))


if len(sys.argv) > 1:
    space = nf.train_word2vec(sys.argv[1], vector_size=200, sg=1)
else:
    chance = random.Random(0)
    sentences = [made_up_sentence(chance) for _ in range(20_000)]
    space = nf.train_word2vec(sentences, vector_size=32, window=8, sg=1, epochs=3, workers=1)

words = space.select(["cat", "dog", "car", "train", "king", "queen", "quantum", "physics"])
one_hot = words.with_vectors(np.eye(len(words)))
for one, other in [("cat", "dog"), ("cat", "quantum")]:
    print(f"{one} ~ {other}: one-hot {one_hot.similarity(one, other):.2f}, dense {words.similarity(one, other):.2f}")
print("near cat:", *(f"{word} {score:.2f}" for word, score in space.most_similar("cat", k=5)))
print("king - man + woman:", *(word for word, _ in space.most_similar(["king", "woman"], ["man"], k=3)))
print(nf.build_tree(words).to_text(k=4))
