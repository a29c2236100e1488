"""HTTP: webhooks in, unsubscribe links, health, metrics, and the operator's page."""
