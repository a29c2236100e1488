"""One folder for each kind of action: what it is, what it costs to lose its answer, and how it is done."""
