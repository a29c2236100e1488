"""Points changed by hand: by an amount, or to a balance."""
