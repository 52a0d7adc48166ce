"""What the metadata database's server says of itself."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection


@dataclass(frozen=True)
class Server:
    """`version` as it writes it (`16.4`); `now` on its clock (UTC); `bytes` is the size of the database; of
    `connections_most`, `connections` are in use."""

    version: str
    now: datetime
    bytes: int
    connections: int
    connections_most: int


def about(connection: Connection) -> Server:
    query = sa.text(
        "SELECT split_part(current_setting('server_version'), ' ', 1), clock_timestamp(), "
        "pg_database_size(current_database()), (SELECT count(*) FROM pg_stat_activity WHERE backend_type = "
        "'client backend'), current_setting('max_connections')::int"
    )
    return Server(*connection.execute(query).one())
