"""`nearfield words`: ask a space of words, and measure it."""

import click

from nearfield.cli.words_encoder import encoder


@click.group(short_help="Ask a space of words for neighbours and analogies, and measure it.")
def words() -> None:
    """Ask a space of words for neighbours and analogies, and measure it.

    SPACE is what `nearfield train word2vec` wrote, or a file of word2vec, GloVe, fastText or gensim.
    """


words.add_command(encoder)
