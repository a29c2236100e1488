"""A file of another program's balances: which column is what, what each row says, and which rows cannot be believed."""
