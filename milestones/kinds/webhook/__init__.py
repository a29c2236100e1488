"""A signed call of the operator's own service."""
