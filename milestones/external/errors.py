"""What another program did not do. Statuses are HTTP's; what else one means is in ``on_status``."""

from datetime import datetime

from milestones.errors import ChannelError


class ExternalError(ChannelError):
    """Another loyalty program refused, throttled, failed, did not answer, or answered what cannot be."""

    def __init__(
        self,
        sentence: str,
        *,
        permanent: bool = False,
        lost: bool = False,
        retry_at: datetime | None = None,
        connection_wide: bool = False,
        untried: bool = False,
    ) -> None:
        super().__init__(
            sentence,
            permanent=permanent,
            lost=lost,
            retry_at=retry_at,
            connection_wide=connection_wide,
            untried=untried,
        )


class UnreadableError(ExternalError):
    """It answered, and what it says of this one member cannot be. Others may be told of rightly."""


class GoneError(ExternalError):
    """There is no such member any more."""
