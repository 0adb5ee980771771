"""What `--impl-check` looks at, a file an aspect; `check.py` goes through all of them."""
