"""What a service technician does with a board at the end of a cable: read it, check the proof, show it."""
