"""Designs: what stands for what would have happened without cameras, and what follows from it.

Every method names its source in its docstring. Functions of arrays come first, so that published cases of any
shape can be held against them; `…_study` and `…_estimates` take a `Panel` and give an `Estimate`. Draws are
functions of a seed. Nothing here reads a file, draws a figure or knows a cluster.
"""
