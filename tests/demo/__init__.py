"""`make demo`: the module applied to a local AWS, findings sent through it, and what became of each."""
