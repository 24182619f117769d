"""What was learnt so far, on disk: after a kill at any moment, training goes on from the last whole checkpoint."""

import contextlib
import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from nearfield.arrays import map_npy
from nearfield.errors import DataError, InvalidInputError, StorageError
from nearfield.files import replace_file
from nearfield.training.word2vec.kernel import Tables

_STATE = "checkpoint.json"


@dataclass(frozen=True)
class TrainingState:
    """How far training has come.

    Attributes:
        epoch: The epoch that is gone through, from 0.
        chunk: The chunk of it that comes next.
        loss: Loss of this epoch's samples so far, added up.
        weight: What to divide it by.
        losses: Mean loss of each epoch before.
    """

    epoch: int = 0
    chunk: int = 0
    loss: float = 0.0
    weight: float = 0.0
    losses: tuple[float, ...] = ()

    def after_chunks(self, count: int, loss: float, weight: float) -> "TrainingState":
        """Go on by some chunks, and their loss."""
        return replace(self, chunk=self.chunk + count, loss=self.loss + loss, weight=self.weight + weight)

    def after_epoch(self) -> "TrainingState":
        """Go on to the next epoch."""
        return TrainingState(self.epoch + 1, losses=(*self.losses, self.mean_loss))

    @property
    def mean_loss(self) -> float:
        """Mean loss of this epoch so far."""
        return self.loss / self.weight if self.weight else 0.0


class Checkpoints:
    """Writes and reads checkpoints in a folder: a pair of tables, and a file that says which pair is whole.

    Args:
        folder: Where they are.
        job: What is trained on what: JSON values. A checkpoint of another job is refused.
    """

    def __init__(self, folder: Path, job: dict[str, Any]) -> None:
        self._folder, self._job = folder, job
        self._number = 0

    def save(self, state: TrainingState, tables: Tables) -> None:
        """Write a checkpoint; the one before stays until this one is whole.

        Args:
            state: How far training has come.
            tables: What was learnt.

        Raises:
            StorageError: If the disk refuses.
        """
        number = self._number + 1
        try:
            for name, table in (("inputs", tables.inputs), ("outputs", tables.outputs)):
                with self._path(name, number).open("wb") as file:
                    np.save(file, table, allow_pickle=False)
                    file.flush()
                    os.fsync(file.fileno())
        except OSError as error:
            raise StorageError(
                f"no checkpoint could be written to {self._folder} ({error.strerror or error}); make room there"
            ) from error
        content = {"job": self._job, "number": number, "state": asdict(state)}
        replace_file(self._folder / _STATE, json.dumps(content, indent=2).encode())
        self._remove(self._number)
        self._number = number

    def load(self, tables: Tables) -> TrainingState:
        """Fill the tables from the last checkpoint, if there is one.

        Args:
            tables: Changed.

        Returns:
            How far it had come; the beginning if there is none.

        Raises:
            InvalidInputError: If it is of another job.
            DataError: If it is damaged.
        """
        path = self._folder / _STATE
        if not path.exists():
            return TrainingState()
        try:
            content = json.loads(path.read_bytes())
            job, self._number = content["job"], int(content["number"])
            state = TrainingState(**{**content["state"], "losses": tuple(content["state"]["losses"])})
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise DataError(f"cannot be read ({error!r}); remove the folder to start anew", source=str(path)) from error
        if job != self._job:
            raise InvalidInputError(
                f"{self._folder} holds the training of something else: {_difference(job, self._job)}; give another "
                "folder, or remove it to start anew"
            )
        for name, table in (("inputs", tables.inputs), ("outputs", tables.outputs)):
            self._fill(name, table)
        return state

    def _fill(self, name: str, table: Any) -> None:  # noqa: ANN401  # an array, changed
        path = self._path(name, self._number)
        try:
            table[:] = map_npy(path)
        except (OSError, ValueError) as error:
            raise DataError(f"cannot be read ({error}); remove the folder to start anew", source=str(path)) from error

    def _path(self, name: str, number: int) -> Path:
        return self._folder / f"{name}-{number}.npy"

    def _remove(self, number: int) -> None:
        for name in ("inputs", "outputs"):
            with contextlib.suppress(OSError):  # it is only in the way
                self._path(name, number).unlink()


def _difference(there: dict[str, Any], here: dict[str, Any]) -> str:
    named = (key for key in sorted({*there, *here}) if there.get(key) != here.get(key))
    return ", ".join(f"{key} {there.get(key)!r} rather than {here.get(key)!r}" for key in named)
