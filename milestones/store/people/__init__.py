"""What is kept about people beside their accounts, and how it is forgotten."""
