"""`nearfield doctor`: does this encoder run well here?"""

import click

from nearfield.cli.console import EXIT_FAILED, print_json, progress_bars


@click.command(short_help="Does this encoder run well here?")
@click.argument("encoder")
@click.option(
    "--gate",
    is_flag=True,
    help="Test instead whether 8-bit weights are as good, on SciFact; if so, engine=onnxruntime-int8 may be used.",
)
@click.option("--threads", type=click.IntRange(min=1), help="Cores to use.  [default: all]")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.pass_context
def doctor(ctx: click.Context, encoder: str, gate: bool, threads: int | None, as_json: bool) -> None:
    """Encode a fixed set of texts with ENCODER on every runtime here: differences, speed, memory, what is missing.

    \b
    nearfield doctor all-MiniLM-L6-v2
    nearfield doctor all-MiniLM-L6-v2 --gate
    """
    from nearfield.evaluation.doctor import diagnose
    from nearfield.evaluation.quality_gate import gate_int8

    with progress_bars() as progress:
        report = (gate_int8 if gate else diagnose)(encoder, threads=threads, progress=progress)
    if as_json:
        print_json(report.to_json())
    else:
        click.echo(str(report))
    if gate and not report.to_json()["passed"]:
        ctx.exit(EXIT_FAILED)
