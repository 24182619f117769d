"""The tokeniser that cuts sentences into the words of a space."""

from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.normalizers import Lowercase
from tokenizers.pre_tokenizers import Whitespace

from nearfield.space.keys import Keys


def is_lower_case(keys: Keys) -> bool:
    """Say whether no key has an upper-case letter, so that texts have to be lower-cased to be found."""
    text = bytes(keys).decode()
    return text == text.lower()


def word_tokenizer(keys: Keys, *, lower_case: bool) -> Tokenizer:
    """Make a tokeniser that cuts at white space and around punctuation.

    Args:
        keys: The words; those that hold white space, or letters and punctuation, are found in no text.
        lower_case: Whether texts are lower-cased first.

    Returns:
        It gives each word its position among the keys, and every other word the number after the last, whose token
        is its `unk_token`.
    """
    unknown = "[UNK]"
    while unknown in keys:
        unknown = f"[{unknown}]"
    vocabulary = {key: row for row, key in enumerate([*keys, unknown])}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token=unknown))
    tokenizer.pre_tokenizer = Whitespace()
    if lower_case:
        tokenizer.normalizer = Lowercase()
    return tokenizer
