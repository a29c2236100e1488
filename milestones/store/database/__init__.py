"""The database itself: how it is opened, its schema, its locks, and what it says of its own health."""
