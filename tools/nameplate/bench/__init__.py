"""Measurements. Each module has `measure()`, which yields one mapping for each figure:

metric (what), value, unit, limit (the most allowed, or None), ratio (value / limit, or None: 1 is at the limit),
simulated (whether simulated time or a simulated part is in it).
"""
