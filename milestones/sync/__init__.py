"""Points that other loyalty programs keep: brought over once, or kept the same on both sides."""
