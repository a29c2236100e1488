"""A badge for a member."""
