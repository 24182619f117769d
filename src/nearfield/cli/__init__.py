"""The command line: each file parses, calls the library, and prints."""

from nearfield.cli.app import main as main
