"""Libraries that only some functions need, imported when they are called."""

import importlib
import warnings
from types import ModuleType

from nearfield.errors import MissingExtraError


def import_extra(module: str, *, extra: str = "space") -> ModuleType:
    """Import a library that is not among the core dependencies.

    Args:
        module: Its name.
        extra: The extra of nearfield that brings it.

    Returns:
        The module.

    Raises:
        MissingExtraError: If it is not installed.
    """
    try:
        with warnings.catch_warnings():
            # umap-learn warns that TensorFlow is missing, which nothing here would use.
            warnings.simplefilter("ignore", ImportWarning)
            return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise MissingExtraError(f"this needs {package}: pip install 'nearfield[{extra}]'") from error
