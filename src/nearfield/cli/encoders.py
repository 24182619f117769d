"""`nearfield encoders`: which encoders are there?"""

from typing import TYPE_CHECKING

import click

from nearfield.cli.completion import complete_encoder
from nearfield.cli.console import print_json

if TYPE_CHECKING:
    from nearfield.encoders.catalogue import CatalogueEntry


@click.command(short_help="Which encoders are there, and what is known of one?")
@click.argument("words", nargs=-1, shell_complete=complete_encoder)
@click.option("--family", help="Only of this architecture or service, such as bert, static or openai.")
@click.option("--modality", type=click.Choice(["text", "image", "text+image"]), help="Only those that encode this.")
@click.option("--language", help="Only those that read this: en, fr, zh, ... (ISO 639-1), or code.")
@click.option(
    "--max-dim", type=click.IntRange(min=1), help="Only those whose vectors have, or can be cut to, no more dimensions."
)
@click.option("--licence", help="Only with this licence, such as mit or apache-2.0.")
@click.option(
    "--runs",
    type=click.Choice(["native", "onnx", "sentence-transformers", "api", "none"]),
    help="Only those that run so; native and onnx need no extra, sentence-transformers is PyTorch.",
)
@click.option("--installed", is_flag=True, help="Only those on this machine: packaged, or in the hub's cache.")
@click.option("--json", "as_json", is_flag=True, help="Print the entries as JSON.")
def encoders(
    words: tuple[str, ...],
    family: str | None,
    modality: str | None,
    language: str | None,
    max_dim: int | None,
    licence: str | None,
    runs: str | None,
    installed: bool,
    as_json: bool,
) -> None:
    """List the encoders of the catalogue, or show one in full.

    WORDS is one encoder's name, or words that its name, family, licence or note must hold.

    \b
    nearfield encoders --runs native --language fr
    nearfield encoders e5 --max-dim 384
    nearfield encoders bge-small-en-v1.5
    """
    from nearfield.encoders.catalogue import catalogue, find_entry

    if len(words) == 1 and (one := find_entry(words[0])) is not None:
        print_json(one) if as_json else click.echo(_in_full(one))
        return
    wanted = {"family": family, "modality": modality, "licence": licence, "runs": runs}
    found = [
        entry
        for entry in catalogue()
        if all(value is None or value.casefold() == getattr(entry, key) for key, value in wanted.items())
        and (language is None or entry.speaks(language.casefold()))
        and (max_dim is None or min((entry.dim, *entry.matryoshka)) <= max_dim)
        and all(word.casefold() in _searched(entry) for word in words)
    ]
    if installed:
        from nearfield.encoders.find import installed as installed_names

        here = installed_names()
        found = [entry for entry in found if entry.name in here]
    if as_json:
        print_json(found)
    else:
        click.echo(_table(found) if found else _nothing(words))


def _searched(entry: "CatalogueEntry") -> str:
    return " ".join((entry.hub_name, entry.name, entry.family, entry.licence, entry.note)).casefold()


def _nothing(words: tuple[str, ...]) -> str:
    from nearfield.encoders.catalogue import suggest

    names = suggest(" ".join(words)) if words else []
    return "no encoder in the catalogue matches" + (f"; did you mean {' or '.join(names)}?" if names else "")


def _table(entries: "list[CatalogueEntry]") -> str:
    from nearfield.report.numbers import counted
    from nearfield.report.table import Column, text_table

    left, right = ("encoder", "reads", "licence", "runs"), ("dim", "tokens", "params")
    columns = [Column(title, "right" if title in right else "left") for title in (left[0], *right, *left[1:])]
    rows = [
        (
            entry.name,
            str(entry.dim),
            str(entry.max_tokens or "–"),
            "–" if entry.parameters is None else f"{entry.parameters:.0f} M",
            _reads(entry),
            entry.licence,
            _runs(entry),
        )
        for entry in entries
    ]
    return f"{text_table(columns, rows)}\n{counted(len(entries), 'encoder')}; one in full: nearfield encoders NAME"


def _reads(entry: "CatalogueEntry") -> str:
    languages = entry.languages if len(entry.languages) <= 2 else (str(len(entry.languages)),)
    images = ("image",) if "image" in entry.modality else ()
    return ", ".join("many" if language == "mul" else language for language in (*languages, *images))


def _runs(entry: "CatalogueEntry") -> str:
    if entry.status == "retired":
        return "retired"
    return "PyTorch" if entry.runs == "sentence-transformers" else entry.runs


def _in_full(entry: "CatalogueEntry") -> str:
    import dataclasses
    import json
    import textwrap

    lines = []
    for key, value in dataclasses.asdict(entry).items():
        if isinstance(value, tuple):
            value = ", ".join(map(str, value))
        elif key.endswith("prompt") and isinstance(value, str):
            value = json.dumps(value, ensure_ascii=False)  # its spaces and line ends count
        elif isinstance(value, bool):
            value = "yes" if value else "no"
        if value not in ("", None):
            lines.append(textwrap.fill(str(value), 100, initial_indent=f"{key:<17}", subsequent_indent=" " * 17))
    return "\n".join(lines)
