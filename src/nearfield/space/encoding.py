"""A space of any strings, by an encoder."""

import os
from collections.abc import Iterable, Sequence

from nearfield.encoders.base import Encoder, check_vectors
from nearfield.encoders.load import load_encoder
from nearfield.errors import InvalidInputError
from nearfield.progress import Progress, silent
from nearfield.space.keys import Keys
from nearfield.space.space import Space


def encode_space(
    encoder: Encoder | str | os.PathLike[str],
    texts: Iterable[str],
    *,
    keys: Sequence[str] | None = None,
    progress: Progress = silent,
) -> Space:
    """Encode strings into a space.

    Args:
        encoder: An encoder of texts, or a name or folder that `load_encoder` takes.
        texts: Strings, encoded as documents.
        keys: A unique key for each; the texts themselves by default, which must then be unique.
        progress: Called with `"encoding"` and the number of texts done.

    Returns:
        The space, rows in the order of the texts; its `about` holds the encoder's name and fingerprint.

    Raises:
        InvalidInputError: If there are no texts, numbers of keys and texts differ, a key stands twice, or a text's
            vector is zero.
        EncoderError: If the encoder cannot be loaded, or gives what is no vector.
    """
    listed = list(texts) if not isinstance(texts, str) else None
    if not listed:
        raise InvalidInputError(f"texts must be strings, at least one, got {texts!r:.40}; write [text]")
    named = Keys.of(listed if keys is None else keys)
    if len(named) != len(listed):
        raise InvalidInputError(f"each text needs one key, got {len(listed):,} texts and {len(named):,} keys")
    loaded = load_encoder(encoder) if isinstance(encoder, str | os.PathLike) else encoder
    vectors = check_vectors(loaded.encode_document(listed, progress=progress), loaded.spec, len(listed))
    return Space(named, vectors, about={"encoder": loaded.spec.name, "fingerprint": loaded.spec.fingerprint})
