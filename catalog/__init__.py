"""What is known and kept: words, schema, the write door (keeper) and the read door (reader)."""
