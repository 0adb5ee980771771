"""Reports as JSON: written, compared, merged, and shown as a table."""
