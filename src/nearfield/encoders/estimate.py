"""What encoding will take, before anything is spent."""

from collections.abc import Sequence

from nearfield.data.records import Record
from nearfield.encoders.api_batches import ApiEstimate, PricedEncoder
from nearfield.encoders.base import Encoder, Item, Role, as_texts, item_of
from nearfield.encoders.innermost import innermost


def estimate(encoder: Encoder, sources: Sequence[Record | str], role: Role = "document") -> ApiEstimate:
    """Estimate what encoding some texts or records will take; nothing is asked of any service.

    Args:
        encoder: The encoder.
        sources: Texts, or records of which the encoder takes the text or the image.
        role: What they are encoded as.

    Returns:
        Tokens, and for a service requests and dollars.
    """
    encoder = innermost(encoder)
    if isinstance(encoder, PricedEncoder):
        # To ask such an encoder for its spec, as `item_of` would, may take a request.
        return encoder.estimate(as_texts([_text_of(source) for source in sources]), role=role)
    items = [source if isinstance(source, str) else item_of(source, encoder.spec) for source in sources]
    tokens = sum(inspection.tokens for inspection in encoder.inspect(items, role=role))
    return ApiEstimate(len(items), tokens, 0.0 if encoder.weights_bytes else None, 0)


def _text_of(source: Record | str) -> Item:
    """Choose what an encoder of texts takes: an image only where there is no text, which it will refuse."""
    if isinstance(source, str):
        return source
    return source.image if source.image is not None and not source.content.strip() else source.content
