"""Word vectors from plain text: skip-gram and CBOW, by words or by their n-grams, in compiled kernels."""
