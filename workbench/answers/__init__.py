"""What a question gives back, and how it shows itself: on a page, in a terminal, as a picture."""
