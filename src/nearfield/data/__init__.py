"""What goes in: records, corpora, judgements."""
