"""Which collections there are, and removing one."""

import os
from contextlib import closing

from nearfield.collection.home import Home
from nearfield.stores.address import Address, connect


def collection_exists(address: "str | os.PathLike[str] | Address") -> bool:
    """Say whether there is a collection at an address.

    Args:
        address: A folder or URL.

    Returns:
        Whether it has a manifest, readable or not.

    Raises:
        StorageError: If the database cannot be reached.
    """
    with closing(Home.find(address)) as home:
        return home.read("manifest") is not None


def list_collections(address: "str | os.PathLike[str]") -> list[str]:
    """List the collections in a folder, or in a database.

    Args:
        address: The folder that holds the collections' folders, or a URL without `#name`.

    Returns:
        The address of each, sorted by name, without a password.

    Raises:
        StorageError: If the database cannot be reached.
        StoreAccessError: If it refuses this user.
    """
    parsed = Address.parse(address)
    if not parsed.scheme:
        parsed = Address("", path=os.fspath(address))
    with closing(connect(parsed)) as database:
        return [str(parsed.with_name(name)) for name in database.collections()]


def drop_collection(address: "str | os.PathLike[str] | Address") -> None:
    """Remove a collection with all its records.

    Args:
        address: Its folder or URL.

    Raises:
        CollectionError: If there is no collection.
        CollectionBusyError: If another process holds it.
        StorageError: If the disk or the server refuses; what is left is no collection any more.
    """
    with closing(Home.find(address)) as home:
        home.drop()
