"""The contact of whom something is ordered for: found by its address, or made."""
