"""One sample of a converter: the mean of five conversions without the highest and the lowest, as the chip's calibration
has them."""


def measure(adc):
    """Microvolts; raises OSError where the converter does."""
    low = high = total = adc.read_uv()
    for _ in range(4):
        uv = adc.read_uv()
        total += uv
        low = min(low, uv)
        high = max(high, uv)
    return (total - low - high) // 3
