"""Feeds and files: recording, decoding, and cutting for people."""
