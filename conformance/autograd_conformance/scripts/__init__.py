"""Reproduction scripts: a recorded run printed in the engine's own calls."""
