"""What a study found, drawn and written down: figures, the self-contained page, the document to print."""
