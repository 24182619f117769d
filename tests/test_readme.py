"""What the README says works: its Python runs, its commands and options exist."""

import re
import shlex
from pathlib import Path

import click
import pytest

from nearfield.cli import main

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def commands() -> list[list[str]]:
    text = "\n".join(blocks("")).replace("\\\n", " ")
    return [shlex.split(line, comments=True)[1:] for line in text.splitlines() if line.startswith("nearfield ")]


MAIN_JOB, ENCODERS, WORDS = blocks("python")


def test_the_main_job_in_python_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    exec(compile(MAIN_JOB, "README.md", "exec"), {})
    assert "water-tap-maintenance" in capsys.readouterr().out
    assert (tmp_path / "report.html").exists()


def test_its_encoders_run(capsys):
    exec(compile(ENCODERS, "README.md", "exec"), {})
    name, tap, tyre = capsys.readouterr().out.replace("[", "").replace("]", "").split()
    assert name == "nearfield-static@dim=128,precision=int8"
    assert float(tap) > float(tyre) + 0.2


def test_its_words_are_trained_and_measured(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    exec(compile(WORDS, "README.md", "exec"), {})
    shown = capsys.readouterr().out
    near, odd = shown.splitlines()[:2]
    assert near.count("'") == 6
    assert odd == "mutations"
    assert "wordsim-353" in shown


@pytest.mark.parametrize("command", commands(), ids=" ".join)
def test_its_commands_and_options_exist(command):
    name, *arguments = command
    found = main.commands[name]
    if isinstance(found, click.Group):
        found = found.commands[arguments[0]]
    known = {option for parameter in found.params for option in parameter.opts}
    assert {argument for argument in arguments if argument.startswith("-")} <= known


def test_every_command_is_mentioned():
    mentioned = {command[0] for command in commands()} | set(re.findall(r"`nearfield (\w+)", README))
    assert {"compare", "index", "search", "evaluate", "inspect"} <= mentioned


def test_its_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (Path(__file__).parents[1] / target).exists(), target
