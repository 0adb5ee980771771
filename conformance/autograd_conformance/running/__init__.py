"""The pytest side: options, collection, isolation, watchdog, what is gathered and printed."""
