"""The tables of the state store, as this version wants them; `migrations` brings a database there."""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()
meta = sa.Table("meta", metadata, sa.Column("version", sa.Integer, primary_key=True, autoincrement=False))
plans = sa.Table(
    "plans",
    metadata,
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("digest", sa.String(64), nullable=False, unique=True),
    sa.Column("content", sa.LargeBinary, nullable=False),
)
publications = sa.Table(
    "publications",
    metadata,
    sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("plan", sa.BigInteger, sa.ForeignKey("plans.number"), nullable=False),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("route", sa.Text, nullable=False),
)
votes = sa.Table(
    "votes",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("data", sa.LargeBinary, nullable=False),
)

records = sa.Table(
    "records",
    metadata,
    sa.Column("kind", sa.String(32), primary_key=True),
    sa.Column("name", sa.String(255), primary_key=True),
    sa.Column("revision", sa.BigInteger, nullable=False, unique=True),
    sa.Column("data", sa.LargeBinary),
)
audit = sa.Table(
    "audit",
    metadata,
    sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("data", sa.LargeBinary, nullable=False),
    sa.Column("hash", sa.String(64), nullable=False),
)
spend = sa.Table(
    "spend",
    metadata,
    sa.Column("day", sa.String(10), primary_key=True),
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("team", sa.String(255), primary_key=True),
    sa.Column("route", sa.String(255), primary_key=True),
    sa.Column("engine", sa.String(255), primary_key=True),
    sa.Column("currency", sa.String(8), primary_key=True),
    sa.Column("exchanges", sa.BigInteger, nullable=False),
    sa.Column("cached", sa.BigInteger, nullable=False),
    sa.Column("input_tokens", sa.BigInteger, nullable=False),
    sa.Column("cached_tokens", sa.BigInteger, nullable=False),
    sa.Column("output_tokens", sa.BigInteger, nullable=False),
    sa.Column("reasoning_tokens", sa.BigInteger, nullable=False),
    sa.Column("cost", sa.BigInteger, nullable=False),
    sa.Column("estimated", sa.BigInteger, nullable=False),
    sa.Column("unpriced", sa.BigInteger, nullable=False),
)
folded = sa.Table(
    "folded",
    metadata,
    sa.Column("segment", sa.String(64), primary_key=True),
    sa.Column("position", sa.BigInteger, nullable=False),
    sa.Column("at", sa.Double, nullable=False),
)
allowances = sa.Table(
    "allowances",
    metadata,
    sa.Column("subject", sa.String(255), primary_key=True),
    sa.Column("field", sa.String(16), primary_key=True),
    sa.Column("span", sa.String(16), primary_key=True),
    sa.Column("taken", sa.BigInteger, nullable=False),
    sa.Column("at", sa.Double, nullable=False, server_default="0"),
)
holdings = sa.Table(
    "holdings",
    metadata,
    sa.Column("subject", sa.String(255), primary_key=True),
    sa.Column("holder", sa.String(255), primary_key=True),
    sa.Column("held", sa.BigInteger, nullable=False),
    sa.Column("until", sa.Double, nullable=False),
)
vaults = sa.Table(
    "vaults",
    metadata,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("data", sa.LargeBinary, nullable=False),
    sa.Column("at", sa.Double, nullable=False, index=True),
)
ballots = sa.Table(
    "ballots",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("pair", sa.String(64), nullable=False),
    sa.Column("voter", sa.String(255), nullable=False),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("data", sa.LargeBinary, nullable=False),
    sa.UniqueConstraint("pair", "voter"),
)
evidence = sa.Table(
    "evidence",
    metadata,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    sa.Column("swap", sa.String(64), nullable=False),
    sa.Column("name", sa.String(255), nullable=False),
    sa.Column("arm", sa.String(16), nullable=False),
    sa.Column("conversation", sa.String(255), nullable=False),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("data", sa.LargeBinary, nullable=False),
    sa.UniqueConstraint("swap", "name"),
)
feedback = sa.Table(
    "feedback",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("trace", sa.String(64), nullable=False),
    sa.Column("who", sa.String(64), nullable=False),
    sa.Column("at", sa.Double, nullable=False, index=True),
    sa.Column("good", sa.Integer, nullable=False),
    sa.Column("comment", sa.Text, nullable=False),
    sa.UniqueConstraint("trace", "who"),
)
