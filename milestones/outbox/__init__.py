"""A site's actions, drained: claim, gate, perform, settle."""
