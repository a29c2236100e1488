"""The other loyalty programs: one client over HTTP, which does what a table of ``[[external]]`` describes."""
