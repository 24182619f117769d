"""Qdrant's server and its client's local mode."""
