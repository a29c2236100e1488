"""What an operator commands, carried out in the daemon or in its place. Nothing here decides about customers."""
