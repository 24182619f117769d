"""One exception tree.

Every error also subclasses the builtin that a caller would expect to catch, and its message says what was
given, what is allowed, and what to do::

    NearfieldError
    ├── InvalidInputError (ValueError)          an argument out of range or of the wrong shape
    ├── DataError (ValueError)                  a record, query or judgement that cannot be used; names file and line
    ├── EncoderError (RuntimeError)             an encoder that gave something other than finite (n, d) vectors
    │   ├── UnknownEncoderError (LookupError)   no encoder of that name here
    │   ├── ModelFolderError (ValueError)       a model folder that is damaged or of a kind not supported
    │   │   └── UnsupportedModelError           a sound one, of a kind that is not computed here
    │   ├── ServiceAccessError (PermissionError)    a service's key is missing or refused, or its account has no credit
    │   └── ServiceError (ConnectionError)      a service cannot be reached or kept refusing; try again later
    ├── UnknownKeyError (KeyError)              a space has no such key; names the nearest
    ├── TrainingError (RuntimeError)            training that cannot go on, such as one that diverges
    ├── HubUnavailableError (ConnectionError)   the model hub could not be reached
    ├── MissingExtraError (ImportError)         an optional dependency is not installed
    ├── CollectionError (RuntimeError)          a folder that is not a usable collection
    │   ├── CollectionBusyError (BlockingIOError)   another process holds it; try again later
    │   ├── StoreReplacedError          a migration put another store in its place; open the collection again
    │   └── SpaceMismatchError (ValueError)     vectors of one space met vectors of another
    ├── StorageError (OSError)                  the disk, the engine or the server refused a write or a read
    │   └── StoreAccessError (PermissionError)      a database refuses this user; the password is wrong or missing
    └── CapabilityError (NotImplementedError)   asked of a back end what it does not declare
"""


class NearfieldError(Exception):
    """Base of every error that nearfield raises on purpose."""


class InvalidInputError(NearfieldError, ValueError):
    """Say that an argument is out of range, of the wrong type or of the wrong shape."""


class DataError(NearfieldError, ValueError):
    """Say which record, query or judgement cannot be used, and where it stands.

    Args:
        problem: What is wrong and what to do about it.
        source: File or description of the stream the data came from.
        line: 1-based line (or record) number in the source.
    """

    def __init__(self, problem: str, *, source: str = "", line: int | None = None) -> None:
        where = source if line is None else f"{source or 'record'}:{line}"
        super().__init__(f"{where}: {problem}" if where else problem)
        self.problem = problem
        self.source = source
        self.line = line


class EncoderError(NearfieldError, RuntimeError):
    """Say that an encoder could not be loaded or did not return finite `(n, d)` vectors."""


class UnknownEncoderError(EncoderError, LookupError):
    """Say that no encoder of that name can be found here."""


class ModelFolderError(EncoderError, ValueError):
    """Say what is missing from, damaged in, or unsupported about a model folder."""


class UnknownKeyError(NearfieldError, KeyError):
    """Say that a space has no such key, and which keys may have been meant."""

    def __str__(self) -> str:
        """Give the message as it is; a KeyError would put it in quotes."""
        return str(self.args[0])


class TrainingError(NearfieldError, RuntimeError):
    """Say why training cannot go on, and what to change."""


class ServiceAccessError(EncoderError, PermissionError):
    """Say that a service refuses this account: the key is missing or wrong, or there is no credit."""


class ServiceError(EncoderError, ConnectionError):
    """Say that a service could not be reached or kept refusing; the call may be repeated."""


class UnsupportedModelError(ModelFolderError):
    """Say what a sound model folder asks for that is not computed here; another way to run it may exist."""


class HubUnavailableError(NearfieldError, ConnectionError):
    """Say that the model hub could not be reached, and how to do without it."""


class MissingExtraError(NearfieldError, ImportError):
    """Say which optional dependency is missing and how to install it."""


class CollectionError(NearfieldError, RuntimeError):
    """Say why a folder cannot be used as a collection."""


class CollectionBusyError(CollectionError, BlockingIOError):
    """Say which process holds a collection; the call may be retried."""


class StoreReplacedError(CollectionError):
    """Say that a migration put another store in the place of the one that was to be written."""


class SpaceMismatchError(CollectionError, ValueError):
    """Say that vectors of one space were about to be mixed with vectors of another."""


class StorageError(NearfieldError, OSError):
    """Say that the disk or the storage engine refused; nothing was acknowledged."""


class StoreAccessError(StorageError, PermissionError):
    """Say that a database refuses this user, without the password that was tried."""


class CapabilityError(NearfieldError, NotImplementedError):
    """Say that a back end does not declare what was asked of it."""
