"""Points as a reward."""
