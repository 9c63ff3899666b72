"""What answers mean: coverage, search, timelines."""
