"""Points for what happens elsewhere: events that services send, and links that customers click."""
