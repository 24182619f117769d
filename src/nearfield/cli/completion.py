"""`nearfield completion`: let the shell complete commands, options and the names of encoders."""

import click
from click.shell_completion import CompletionItem, get_completion_class


def complete_encoder(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the name of an encoder that runs here, or a retriever's last leg; else a path.

    Args:
        ctx: Not used.
        param: Not used.
        incomplete: What was typed.

    Returns:
        The names that begin so, in any case; for anything else, what makes the shell complete a path.
    """
    from nearfield.encoders.catalogue import catalogue

    typed = incomplete[max(incomplete.rfind(":"), incomplete.rfind("+")) + 1 :]
    legs = incomplete.removesuffix(typed)
    names = [entry.name for entry in catalogue() if entry.runs != "none"]
    found = [CompletionItem(legs + name) for name in names if name.casefold().startswith(typed.casefold())]
    return found or [CompletionItem(incomplete, type="file")]


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
