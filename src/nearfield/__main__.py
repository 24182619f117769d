"""`python -m nearfield` is the same as `nearfield`."""

from nearfield.cli import main

main(prog_name="nearfield")
