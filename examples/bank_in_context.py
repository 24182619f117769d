"""One word, several senses: "bank" of a river and "bank" with money, told apart by an encoder that reads the sentence.

A word vector is the same in every sentence; that of a transformer's last layers is not.
"""

import re

import nearfield as nf
from nearfield.arrays import normalise
from nearfield.errors import UnknownEncoderError

SENTENCES = {
    "river": [
        "We sat on the grassy bank of the river and watched the water.",
        "The boat drifted to the muddy bank and ran aground.",
        "Otters dug their den in the steep bank above the stream.",
    ],
    "money": [
        "She paid the cheque into her account at the bank.",
        "The bank raised the interest rate on savings.",
        "He asked the bank for a loan to buy the house.",
    ],
}
DAY_AND_NIGHT = ["At {time} the bank is open and its clerks count money.", "At {time} fish hide below the river bank."]

try:
    encoder = nf.load_encoder("all-MiniLM-L6-v2")
except UnknownEncoderError as error:
    raise SystemExit(f"this example needs all-MiniLM-L6-v2: {error}") from None


def bank_vectors(texts: list[str]) -> nf.Space:
    """The vector of the word "bank" in each text."""
    spans = [re.search(r"\bbank\b", text).span() for text in texts]
    return nf.Space(texts, normalise(encoder.encode_words(texts, spans, layers=(-2, -1))))


texts = [text for group in SENTENCES.values() for text in group]
sense_of = {text: sense for sense, group in SENTENCES.items() for text in group}
banks = bank_vectors(texts)
print("cosine of 'bank' with 'bank' in the most similar other sentence")
for text in texts:
    (nearest, score), *_ = banks.most_similar(text, k=1)
    print(f"  {score:.2f}  {sense_of[text]} ~ {sense_of[nearest]}:  {text}")

tree = nf.build_tree(banks)
clusters = [{sense_of[text] for text in tree.keys(node)} for node in tree.cut(2).nodes.tolist()]
print("a tree of the six, cut in two:", " | ".join("+".join(sorted(senses)) for senses in clusters))

print("day and night change the sentence, but not what the word means in it")
for place in DAY_AND_NIGHT:
    day, night = place.format(time="noon"), place.format(time="midnight")
    print(f"  {bank_vectors([day, night]).similarity(day, night):.2f}  {night}")
day_at_bank, night_at_river = DAY_AND_NIGHT[0].format(time="noon"), DAY_AND_NIGHT[1].format(time="midnight")
print(
    f"  {bank_vectors([day_at_bank, night_at_river]).similarity(day_at_bank, night_at_river):.2f}  money against river"
)
