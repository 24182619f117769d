"""What an encoder that changes another's texts or vectors asks in the end."""

from typing import Protocol, runtime_checkable

from nearfield.encoders.base import Encoder


@runtime_checkable
class _WrappingEncoder(Protocol):
    @property
    def encoder(self) -> Encoder: ...


def innermost(encoder: Encoder) -> Encoder:
    """Take an encoder out of all that is wrapped around it, as its options or a cache are.

    Args:
        encoder: Any encoder; its spec is not asked for.

    Returns:
        What encodes in the end; the encoder itself where nothing is around it.
    """
    while isinstance(encoder, _WrappingEncoder):
        encoder = encoder.encoder
    return encoder
