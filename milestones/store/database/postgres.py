"""How PostgreSQL is reached: what every connection is set to, and when one is not used again."""

from typing import Any

from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from milestones.config.database import PostgresAddress
from milestones.store.database.failures import drop_connections

DRIVER = "postgresql+psycopg"

PREPARE_THRESHOLD = 5
"""After how many uses a statement is prepared, where the address does not say; psycopg's own."""

_PREPARE = "prepare_threshold"

_UNLESS_TOLD = {
    "application_name": "milestones",
    "connect_timeout": "10",
    # A server that vanishes without a word, as a machine does that loses its power, is noticed within half a minute.
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "25000",
}


def url(address: PostgresAddress) -> URL:
    """The URL as SQLAlchemy takes it. Several hosts, and folders of sockets, go where libpq takes them as they are."""
    made = URL.create(DRIVER, username=address.user, password=address.password, database=address.name)
    places = {"host": address.host, "port": address.port}
    return made.set(
        query={**{name: told for name, told in places.items() if told is not None}, **address.options}
    )


def place(where: URL) -> str:
    """Which database it is, as far as the address tells."""
    host, port = where.query.get("host", "localhost"), where.query.get("port", "5432")
    return f"{host}:{port}/{where.database}"


def connect_args(where: URL) -> dict[str, Any]:
    """What the driver is told beside the address.

    Names of customers come from all over the world, whatever the server, the database or the environment prefer.
    """
    threshold = int(str(where.query.get(_PREPARE, PREPARE_THRESHOLD)))
    unless_told = {name: value for name, value in _UNLESS_TOLD.items() if name not in where.query}
    return {**unless_told, "client_encoding": "utf8", _PREPARE: threshold or None}


def engine(where: URL, pool: int) -> AsyncEngine:
    """An engine with so many connections, and as many more where they are needed."""
    made = create_async_engine(
        where,
        pool_size=pool,
        max_overflow=pool,
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args=connect_args(where),
    )
    drop_connections(made.sync_engine)
    return made
