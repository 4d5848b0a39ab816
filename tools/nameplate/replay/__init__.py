"""Recorded data through the device's own code, in the device's own interpreter: docs/replay.md."""
