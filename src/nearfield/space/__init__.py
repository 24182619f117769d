"""A keyed matrix and its geometry: neighbours, analogies, axes, clusters, dimension, maps, alignment."""
