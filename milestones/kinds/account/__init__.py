"""A loyalty account, opened for a contact."""
