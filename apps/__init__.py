"""Front doors: the rtcc command and the pages."""
