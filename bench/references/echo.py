"""The fastest bare echo that Python's servers can do: uvicorn on uvloop and httptools, and one ASGI function."""

import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import uvicorn

from milestones.web.server import bind

Message = MutableMapping[str, Any]


async def echo(
    _scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
) -> None:
    """Reads the body and sends it back."""
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": 200, "headers": [length]})
    await send({"type": "http.response.body", "body": body})


if __name__ == "__main__":
    [sock] = bind("127.0.0.1", 0)
    print(sock.getsockname()[1], flush=True)
    config = uvicorn.Config(
        echo,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="off",
        access_log=False,
        log_level=logging.CRITICAL,
    )
    uvicorn.Server(config).run([sock])
