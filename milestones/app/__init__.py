"""Settings become a running program: what is built, what runs, and the order of stopping."""
