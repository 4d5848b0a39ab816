"""The demo: a virtual fridge, a broker, a listener, a leak and an attack."""
