"""Where work runs: in this process, or spread over replicas."""
