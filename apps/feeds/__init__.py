"""Feeds to practise on: prepared clips and a clock, served as network cameras of this machine."""
