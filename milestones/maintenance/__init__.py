"""What the daemon does by the clock, one service a file."""
