"""Names that back ends know the fields of metadata by."""

from functools import lru_cache
from hashlib import blake2b


@lru_cache(maxsize=4096)
def field_key(path: str) -> str:
    """Name the path of a field so that no back end's own syntax, reserved names or limits can be met.

    Args:
        path: As in `nearfield.stores.values`: any unicode.

    Returns:
        24 hexadecimal digits: the first 12 bytes of a BLAKE2b of the path.

    Examples:
        >>> len(field_key('a."b'))
        24
    """
    return blake2b(path.encode(), digest_size=12).hexdigest()
