"""What operators and machines are told of the running program: logs and metrics."""
