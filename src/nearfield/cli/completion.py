"""`nearfield completion`: let the shell complete commands and options."""

import click
from click.shell_completion import get_completion_class


@click.command(short_help="Print the script that makes your shell complete commands.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the completion script for SHELL.

    \b
    bash:  nearfield completion bash >> ~/.bashrc
    zsh:   nearfield completion zsh >> ~/.zshrc
    fish:  nearfield completion fish > ~/.config/fish/completions/nearfield.fish
    """
    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"no completion for {shell}")
    click.echo(kind(ctx.find_root().command, {}, "nearfield", "_NEARFIELD_COMPLETE").source())
