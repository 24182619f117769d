"""Files of vectors that other programs write and read: one file here for each, listed in `registry`."""
