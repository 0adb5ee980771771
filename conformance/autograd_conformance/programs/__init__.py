"""Random programs, the oracle that says what they must give, and how they are made smaller."""
