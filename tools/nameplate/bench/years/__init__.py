"""Years of appliances' lives: their physics by numpy, what sensors make of it, and the device's own code judging it.

`python -m nameplate.bench.years` is `make bench-diagnosis`; docs/diagnosis-bench.md says what is simulated and what not.
"""
