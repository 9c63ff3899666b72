"""What is in a picture: boxes, labels, colours."""
