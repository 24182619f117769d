"""What the README says works: its Python runs, its commands and options exist."""

import re
import shlex
from pathlib import Path

import pytest

from nearfield.cli import main

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def commands() -> list[list[str]]:
    text = "\n".join(blocks("")).replace("\\\n", " ")
    return [shlex.split(line, comments=True)[1:] for line in text.splitlines() if line.startswith("nearfield ")]


@pytest.mark.parametrize("code", blocks("python"))
def test_its_python_runs(code, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "README.md", "exec"), {})
    assert "water-tap-maintenance" in capsys.readouterr().out
    assert (tmp_path / "report.html").exists()


@pytest.mark.parametrize("command", commands(), ids=" ".join)
def test_its_commands_and_options_exist(command):
    name, *arguments = command
    known = {option for parameter in main.commands[name].params for option in parameter.opts}
    assert {argument for argument in arguments if argument.startswith("-")} <= known


def test_every_command_is_mentioned():
    mentioned = {command[0] for command in commands()} | set(re.findall(r"`nearfield (\w+)", README))
    assert {"compare", "index", "search", "evaluate", "inspect"} <= mentioned


def test_its_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (Path(__file__).parents[1] / target).exists(), target
