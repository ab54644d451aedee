"""Say once how a client reaches the broker: its address, and with which user and password."""

import ssl
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerAccess:
    """Where the broker is and who we are there; ``user`` and ``password`` go with a protocol of SASL.

    Wherever one is asked for, a plain ``host:port[,…]`` stands for a broker that asks nobody who he is.
    """

    address: str
    """host:port, comma separated."""
    protocol: str = "PLAINTEXT"
    """PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL."""
    mechanism: str = "SCRAM-SHA-512"
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: str | None = None
    """Certificates to trust instead of the system's."""

    @property
    def with_users(self) -> bool:
        """Whether the broker asks who we are."""
        return self.protocol.startswith("SASL_")


def client_arguments(broker: BrokerAccess | str) -> dict[str, Any]:
    """The keyword arguments of every aiokafka client that say how it connects.

    Raises:
        OSError: ``ca_file`` cannot be read.
    """
    if isinstance(broker, str):
        return {"bootstrap_servers": broker}
    arguments: dict[str, Any] = {"bootstrap_servers": broker.address, "security_protocol": broker.protocol}
    if broker.with_users:
        arguments |= {
            "sasl_mechanism": broker.mechanism,
            "sasl_plain_username": broker.user,
            "sasl_plain_password": broker.password,
        }
    if broker.protocol.endswith("SSL"):
        arguments["ssl_context"] = ssl.create_default_context(cafile=broker.ca_file)
    return arguments
