"""Points moved at another loyalty program."""
