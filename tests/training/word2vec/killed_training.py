"""Train with a checkpoint after every round, until somebody kills this process: `killed_training.py WORK`."""

import sys

from toy_corpus import toy_sentences

import nearfield as nf
from nearfield.training.word2vec import run


def tell(what, done, total):
    if what.startswith("training ·"):
        print(done, flush=True)


if __name__ == "__main__":
    run._SaveClock.is_due = lambda clock: True
    run.CHUNK_WORDS = 500
    run._ROUND_CHUNKS = 2
    nf.train_word2vec(toy_sentences(), vector_size=20, epochs=20_000, workers=1, work=sys.argv[1], progress=tell)
