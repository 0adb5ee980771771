"""One clause on one engine: cases drawn, run, made smaller, matched with what is expected, and a verdict."""
