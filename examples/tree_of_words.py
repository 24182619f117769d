"""A tree of words from any encoder, and how well it agrees with WordNet."""

import nearfield as nf

WORDS = [
    *("salmon", "trout", "herring", "cod", "carp", "shark", "eel"),
    *("sparrow", "robin", "crow", "pigeon", "eagle", "owl", "falcon", "penguin", "parrot"),
    *("ant", "bee", "wasp", "butterfly", "beetle", "mosquito"),
    *("lion", "tiger", "leopard", "wolf", "fox", "bear"),
    *("horse", "donkey", "cow", "sheep", "goat", "pig", "deer"),
]

encoder = nf.load_encoder("nearfield-static")
space = nf.Space(WORDS, encoder.encode(WORDS))

tree = nf.build_tree(space)
print(tree)
tree.export("tree.html")

report = nf.evaluate_hierarchy(space, roots=["animal"], senses="any")
print()
print(report)
