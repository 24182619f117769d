"""Results on paper: tables, plots, pages, JSON."""
