"""What ranks: words, vectors, and both."""
