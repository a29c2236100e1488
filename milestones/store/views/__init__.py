"""What is looked up to be shown. Nothing here writes."""
