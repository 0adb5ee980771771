"""The clauses of the specification, a test module a chapter.  `pytest --pyargs autograd_spec --impl=...` judges."""
