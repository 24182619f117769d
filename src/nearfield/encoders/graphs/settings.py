"""Reads what a graph needs from a `config.json`, and remembers what was read."""

from collections.abc import Mapping
from typing import Any

from nearfield.encoders.graphs.builder import ACTIVATIONS
from nearfield.encoders.json_files import whole_number
from nearfield.errors import ModelFolderError, UnsupportedModelError


class Settings:
    """A `config.json` whose every value is checked as it is read.

    Args:
        config: Its content.
        source: What to call it in an error.

    Attributes:
        source: What to call it in an error.
        used: The values read so far: what decides which graph the weights go through.
    """

    source: str
    used: dict[str, Any]

    def __init__(self, config: Mapping[str, Any], source: str) -> None:
        self.source = source
        self.used = {}
        self._config = config

    def get(self, key: str, default: object = None) -> Any:  # noqa: ANN401  (whatever JSON holds)
        """Read a value of any kind; one that is absent or null is the default."""
        self.used[key] = self._config.get(key)
        return default if self.used[key] is None else self.used[key]

    def whole(self, key: str, default: int | None = None, *, least: int = 1) -> int:
        """Read a whole number of at least `least`."""
        return whole_number(self.get(key, default), key, self.source, least=least)

    def epsilon(self, key: str, default: float | None = None) -> float:
        """Read what a norm adds to a variance."""
        # Null is refused: PyTorch would take it as none.
        value = self._config.get(key, default)
        self.used[key] = value
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1:
            raise ModelFolderError(f"{self.source}: {key} must be a number between 0 and 1, got {value!r}")
        return value

    def flag(self, key: str) -> bool:
        """Read true or false; false by default."""
        value = self.get(key, False)
        if not isinstance(value, bool):
            raise ModelFolderError(f"{self.source}: {key} must be true or false, got {value!r}")
        return value

    def activation(self, key: str, default: str) -> str:
        """Read one of `ACTIVATIONS`."""
        return self.known_activation(key, self.get(key, default))

    def known_activation(self, key: str, value: object) -> str:
        """Check that a value is one of `ACTIVATIONS`."""
        if not isinstance(value, str) or value not in ACTIVATIONS:
            raise UnsupportedModelError(f"{self.source}: {key} must be one of {list(ACTIVATIONS)}, got {value!r}")
        return value

    def only(self, key: str, allowed: object) -> None:
        """Refuse any value but one, which is also what an absent key means."""
        value = self.get(key, allowed)
        if value != allowed:
            raise UnsupportedModelError(f"{self.source}: {key} must be {allowed}, got {value!r}")

    def multiple(self, whole: str, part: str) -> None:
        """Refuse a number that another does not divide."""
        if self._config[whole] % self._config[part]:
            raise ModelFolderError(
                f"{self.source}: {whole} {self._config[whole]} must be a multiple of {part} {self._config[part]}"
            )

    def even(self, what: str, value: int) -> None:
        """Refuse an odd number where halves are needed."""
        if value % 2:
            raise ModelFolderError(f"{self.source}: {what} must be even, got {value}")

    def rope_theta(self, key: str, default: float, *, group: str = "") -> float:
        """Read the base of rotary position embeddings, from newer or older configurations.

        Args:
            key: Where an older `config.json` holds it.
            default: What it is when neither holds it.
            group: The kind of layer, where kinds of layers differ.

        Returns:
            The base.
        """
        parameters = self.get("rope_parameters", {})
        if isinstance(parameters, dict) and group:
            parameters = parameters.get(group) or {}
        scaling = self.get("rope_scaling", {})
        if not isinstance(parameters, dict) or not isinstance(scaling, dict):
            raise ModelFolderError(f"{self.source}: rope_parameters and rope_scaling must be objects")
        kind = parameters.get("rope_type", scaling.get("rope_type", scaling.get("type", "default")))
        if kind != "default":
            raise UnsupportedModelError(f"{self.source}: rope_type must be default, got {kind!r}")
        theta = parameters.get("rope_theta", self.get(key, default))
        if isinstance(theta, bool) or not isinstance(theta, int | float) or not theta > 0:
            raise ModelFolderError(f"{self.source}: rope_theta must be a number above 0, got {theta!r}")
        return float(theta)
