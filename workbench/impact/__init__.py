"""Did the cameras change crime, and can we know? From a study's files to a verdict.

Files are read and refused by row, incidents counted by place and period, guards and power said before any result;
then every design answers (`workbench.designs`), is held against placebos, and one of five rungs may be said.
Nothing here draws, and nothing here knows a cluster.
"""
