"""What an operator orders, looks up and is shown. Nothing here is decided about customers.

``registry`` has every order by its name, for the daemon's socket; a command without a daemon calls the same.
"""

from milestones.operations.orders import registry

__all__ = ["registry"]
