"""`nearfield convert`: allow pickled weights, once and on purpose."""

import click


@click.command(short_help="Turn a model folder's pickled weights into safetensors.")
@click.argument("folder", type=click.Path(exists=True, file_okay=False))
def convert(folder: str) -> None:
    """Write each pytorch_model.bin in FOLDER again as model.safetensors, which nearfield reads.

    A pickle can run code when it is read. Only tensors are taken from it here, and anything else is refused; still,
    convert only what comes from where you trust. Needs PyTorch.

    \b
    nearfield convert ./codebert-base
    """
    from nearfield.encoders.pickles import convert_pickles

    for file in convert_pickles(folder):
        click.echo(f"wrote {file}")
