"""Qdrant Edge in this process: collections in folders."""
