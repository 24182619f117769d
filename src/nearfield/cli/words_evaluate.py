"""`nearfield words evaluate`: how good is a space of words?"""

from pathlib import Path

import click

from nearfield.cli.console import OutputPath, print_json, progress_bars


@click.command(short_help="How good is a space of words, by standard tests?")
@click.argument("spaces", nargs=-1, required=True, metavar="SPACE [OTHER]...", type=click.Path(exists=True))
@click.option(
    "--set",
    "sets",
    multiple=True,
    metavar="NAME|FILE",
    help="A set that `nearfield words sets` lists, a file, or a folder of files. Repeat it.  [default: all that come "
    "with nearfield]",
)
@click.option(
    "--case",
    type=click.Choice(["lower", "exact", "ignore"]),
    default="lower",
    show_default=True,
    help="Find words as written, else in lower case; only as written; or by the first key that differs by case.",
)
@click.option(
    "--missing",
    type=click.Choice(["skip", "zero"]),
    default="skip",
    show_default=True,
    help="Leave items with unknown words out, or give such words the zero vector.",
)
@click.option("--vocabulary", type=click.IntRange(min=1), metavar="N", help="Only the first N keys.  [default: all]")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of resampling and clusters.")
@click.option("--report", type=OutputPath(".html", ".htm"), help="Write a page with plots to this file.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def evaluate(
    spaces: tuple[str, ...],
    sets: tuple[str, ...],
    case: str,
    missing: str,
    vocabulary: int | None,
    seed: int,
    report: str | None,
    as_json: bool,
) -> None:
    """Measure SPACE by similarity, analogies, categories and entailment, with confidence intervals.

    With OTHER spaces, say whether they are better or worse than SPACE, on the keys that all of them have.

    \b
    nearfield words evaluate words.space
    nearfield words evaluate words.space --set wordsim-353 --set simlex.txt --report words.html
    nearfield words evaluate old.space new.space
    """
    import nearfield as nf

    if len(spaces) > 1 and (missing != "skip" or vocabulary is not None):
        raise click.UsageError("a comparison is on the keys that all spaces have: leave --missing and --vocabulary out")
    if len(set(spaces)) < len(spaces):
        raise click.UsageError("a space is named twice; compare it with another one")
    names = [Path(path).name for path in spaces] if len({Path(path).name for path in spaces}) == len(spaces) else spaces
    loaded = {name: nf.load_space(path) for name, path in zip(names, spaces, strict=True)}
    found: nf.IntrinsicReport | nf.SpaceComparison
    with progress_bars() as progress:
        if len(loaded) > 1:
            found = nf.compare_spaces(loaded, sets or None, case=case, seed=seed, progress=progress)  # type: ignore[arg-type]  # a choice
        else:
            found = nf.evaluate_intrinsic(
                loaded[names[0]],
                sets or None,
                name=names[0],
                case=case,  # type: ignore[arg-type]  # a choice
                missing=missing,  # type: ignore[arg-type]
                vocabulary=vocabulary,
                seed=seed,
                progress=progress,
            )
    if report:
        found.export(report)
    print_json(found.to_json()) if as_json else click.echo(str(found))
