"""Did the cameras change crime, and can we know? Counts by place and period, designs, guards and a verdict.

Every method names its source in its docstring. Nothing here draws, and nothing here knows a cluster: draws that
are many (placebos, permutations, planted effects) are functions of a seed, so that `ray_jobs` can spread them.
"""
