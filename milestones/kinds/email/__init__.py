"""A mail: who may get it, what it says, and how it is carried."""
