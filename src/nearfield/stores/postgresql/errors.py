"""What the exceptions of psycopg mean."""

import re

_DENIED = re.compile(
    r"authentication failed|no password supplied|no pg_hba\.conf entry|role \".*\" (does not exist|is not)"
)
_HOPELESS = re.compile(r"database \".*\" does not exist|server does not support|certificate|root\.crt|invalid")
_COMES_BACK = frozenset(
    {
        "40001",  # serialization_failure
        "40P01",  # deadlock_detected
        "53300",  # too_many_connections
        "57P01",  # admin_shutdown
        "57P02",  # crash_shutdown
        "57P03",  # cannot_connect_now
        "57P05",  # idle_session_timeout: noticed when the connection is next used
    }
)


def is_denial(error: Exception) -> bool:
    """Say whether the server refuses this user."""
    import psycopg

    if not isinstance(error, psycopg.Error):
        return False
    # What is said before a connection stands has no code, only words.
    return (error.sqlstate or "").startswith("28") or (error.sqlstate is None and bool(_DENIED.search(str(error))))


def is_transient(error: Exception) -> bool:
    """Say whether asking again may help: the server is gone, going or coming, or another transaction was in the way."""
    import psycopg

    if not isinstance(error, psycopg.Error):
        return False
    if error.sqlstate is None:
        return isinstance(error, psycopg.OperationalError) and not _HOPELESS.search(str(error))
    return error.sqlstate in _COMES_BACK or error.sqlstate.startswith("08")
