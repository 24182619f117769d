"""`nearfield words`: ask a space of words, and measure it."""

import click

from nearfield.cli.words_analogy import analogy
from nearfield.cli.words_encoder import encoder
from nearfield.cli.words_evaluate import evaluate
from nearfield.cli.words_odd import odd
from nearfield.cli.words_sets import sets
from nearfield.cli.words_similar import similar
from nearfield.cli.words_similarity import similarity


@click.group(short_help="Ask a space of words for neighbours and analogies, and measure it.")
def words() -> None:
    """Ask a space of words for neighbours and analogies, and measure it.

    SPACE is what `nearfield train word2vec` wrote, or a file of word2vec, GloVe, fastText or gensim.
    """


for command in (similar, similarity, analogy, odd, evaluate, sets, encoder):
    words.add_command(command)
