"""aiokafka is told of connections that broke under uvloop (decision 15); to be imported wherever a client is made."""

from typing import Any, Final

from aiokafka.conn import AIOKafkaConnection, CloseReason
from aiokafka.errors import KafkaConnectionError, KafkaError

_send: Final = AIOKafkaConnection.send


def _sent(connection: Any, request: Any, expect_response: bool = True) -> Any:
    """What aiokafka's own method does; raises KafkaConnectionError where uvloop says that the transport is closed.

    asyncio's transports take what is written after the end and drop it. uvloop's raise RuntimeError, which aiokafka
    takes for a fault of its own: the task that was about to write ends, and whoever waits for it waits for ever.
    """
    try:
        return _send(connection, request, expect_response)
    except KafkaError:
        raise
    except RuntimeError as closed:
        connection.close(reason=CloseReason.CONNECTION_BROKEN)
        raise KafkaConnectionError(f"Connection at {connection.host}:{connection.port} broken") from closed


AIOKafkaConnection.send = _sent
