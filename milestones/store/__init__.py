"""What is on disk: SQLModel tables, and the transactions in which they change together."""
