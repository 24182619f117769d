"""The package as a whole: what importing it costs, and what it says of itself."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import nearfield

SOURCE = Path(nearfield.__file__).parent


def modules_after(statement: str) -> set[str]:
    code = f"{statement}\nimport sys; print('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in done.stdout.split()}


def test_importing_the_package_loads_only_the_standard_library():
    extra = modules_after("import nearfield") - modules_after("pass") - set(sys.stdlib_module_names)
    assert extra <= {"nearfield"}


def test_starting_the_command_line_loads_only_the_standard_library_and_click():
    extra = modules_after("import nearfield.cli") - modules_after("pass") - set(sys.stdlib_module_names)
    assert extra <= {"nearfield", "click"}


def test_every_public_name_can_be_had():
    assert sorted(nearfield.__all__) == dir(nearfield)
    for name in nearfield.__all__:
        assert getattr(nearfield, name) is not None


def test_an_unknown_public_name_is_an_attribute_error_that_lists_the_known_ones():
    with pytest.raises(AttributeError, match=r"no attribute 'embed'; it has .*compare"):
        _ = nearfield.embed


def test_the_names_for_type_checkers_are_the_public_names():
    tree = ast.parse((SOURCE / "__init__.py").read_text())
    typed = {
        alias.asname
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("nearfield")
        for alias in node.names
    }
    assert typed | {"__version__"} == set(nearfield.__all__)
