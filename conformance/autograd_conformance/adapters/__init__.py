"""Adapters for real engines, one a module; each imports its engine and is imported only when it is asked for."""
