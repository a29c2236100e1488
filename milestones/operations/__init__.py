"""What an operator orders, looks up and is shown. Nothing here is decided about customers."""
