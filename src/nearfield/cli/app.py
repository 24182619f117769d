"""The `nearfield` command and its list of commands."""

import click

from nearfield import __version__
from nearfield.cli.cache import cache
from nearfield.cli.collections import collections, drop
from nearfield.cli.compact import compact
from nearfield.cli.compare import compare
from nearfield.cli.completion import completion
from nearfield.cli.console import ErrorHandlingGroup
from nearfield.cli.convert import convert
from nearfield.cli.copy import copy
from nearfield.cli.demo import demo
from nearfield.cli.doctor import doctor
from nearfield.cli.encode import encode
from nearfield.cli.encoders import encoders
from nearfield.cli.evaluate import evaluate
from nearfield.cli.index import index
from nearfield.cli.inspect import inspect
from nearfield.cli.migrate import migrate
from nearfield.cli.recall import recall
from nearfield.cli.search import search
from nearfield.cli.snapshot import export, restore, snapshot
from nearfield.cli.space import space
from nearfield.cli.train import train
from nearfield.cli.verify import verify
from nearfield.cli.words import words


@click.group(cls=ErrorHandlingGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="nearfield")
def main() -> None:
    """Prove and ship the right embeddings for your own data.

    \b
    Which command answers which question?
      compare   Which retriever should I use?
      index     Build the search index with it.
      search    What does it find?
      evaluate  How good is it?
      recall    How much does its index miss, and how hard should it try?
      verify    Is this collection sound?
      copy      Put it in another place.
      migrate   Take it to another encoder.
      encode    What are the vectors of these texts?
      inspect   What would this encoder do with these texts?
      train     How do I get an encoder of my own?
      words     Which words are near, and how good is a space of words?
      space     How do the vectors of a space lie?
      encoders  Which encoders are there?
      cache     What vectors are kept between runs?
      doctor    Does this encoder run well here?

    Exit codes: 0 done, 1 failed, 2 wrong usage, 3 a gate failed, 75 busy (try again later), 130 interrupted.
    """


for command in (
    demo,
    compare,
    index,
    search,
    evaluate,
    recall,
    verify,
    collections,
    copy,
    migrate,
    snapshot,
    restore,
    export,
    compact,
    drop,
    encode,
    inspect,
    doctor,
    encoders,
    train,
    words,
    space,
    convert,
    cache,
    completion,
):
    main.add_command(command)
