"""Tokens for a neighbour: given, got by login, or minted; one for all threads, renewed once for all of them."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from secrets import token_hex

import jwt
import msgspec

from syncflow.connectors.exchange import Answer, Call, Exchange, ExchangeError, Neighbour
from syncflow.errors import ConfigurationError
from syncflow.i18n.catalog import N_
from syncflow.i18n.texts import Text

_ISSUER = "syncflow"
_EARLY = 0.1
_EARLY_SECONDS = (1.5, 30.0)
"""A token is renewed when a tenth of its life is left, but within these bounds: a JWT's end is cut to whole seconds."""


@dataclass(frozen=True)
class Minting:
    """What tokens are made of where no login is given (INTERNAL_SERVICE_JWT_SECRET, JWT_ALGORITHM and
    ACCESS_TOKEN_EXPIRE_MINUTES)."""

    secret: str
    algorithm: str = "HS256"
    expire_minutes: int = 15

    def __repr__(self) -> str:
        return f"Minting(algorithm={self.algorithm!r}, expire_minutes={self.expire_minutes})"


@dataclass(frozen=True)
class Credentials:
    """How to get in, in this order: a service token, a login, a minted token; with none of them, without a token."""

    token: str | None = None
    username: str | None = None
    password: str | None = None
    minting: Minting | None = None

    def __repr__(self) -> str:
        return f"Credentials(username={self.username!r})"


class _Origin(Enum):
    GIVEN = auto()
    MINTED = auto()
    LOGIN = auto()
    REFRESH = auto()
    NONE = auto()


@dataclass(frozen=True)
class Token:
    """A token in use. `generation` grows with each renewal; `renew_at` is on the monotonic clock."""

    value: str | None
    generation: int
    origin: _Origin
    renew_at: float = float("inf")
    worked: bool = False

    def __repr__(self) -> str:
        return f"Token(generation={self.generation}, origin={self.origin.name})"


class _LoginAnswer(msgspec.Struct):
    access_token: str
    refresh_token: str | None = None
    expires_in: float | None = None


_LOGIN_ANSWER = msgspec.json.Decoder(_LoginAnswer)


class TokenKeeper:
    """Holds the one token of a neighbour. A refused login is remembered: nobody tries it a second time."""

    def __init__(
        self, credentials: Credentials, exchange: Exchange, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._credentials = credentials
        self._exchange = exchange
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._token: Token | None = None
        self._refresh_token: str | None = None
        self._refusal: Text | None = None

    @property
    def _neighbour(self) -> Neighbour:
        return self._exchange.neighbour

    def current(self) -> Token:
        """The token to use now; gets the first one, and a new one shortly before the old one ends."""
        with self._lock:
            self._check_refusal()
            if self._token is None:
                self._token = self._first()
            elif self._monotonic() >= self._token.renew_at:
                self._token = self._renewed(self._token)
            return self._token

    def accepted(self, token: Token) -> None:
        """Remember that the neighbour took this token."""
        with self._lock:
            if self._token is not None and self._token.generation == token.generation and not self._token.worked:
                self._token = replace(self._token, worked=True)

    def renew(self, refused: Token) -> Token:
        """Another token for one that was answered with 401: the one that another thread got meanwhile, or a new one.

        Raises ConfigurationError when there is nothing left to try.
        """
        with self._lock:
            self._check_refusal()
            if self._token is None or self._token.generation != refused.generation:
                return self._token or self._first()
            self._token = self._renewed(self._token)
            return self._token

    def _check_refusal(self) -> None:
        if self._refusal is not None:
            raise ConfigurationError(self._refusal)

    def _refuse(self, template: str, **values: str) -> ConfigurationError:
        """`values` beside the neighbour and its settings."""
        setting = self._neighbour.setting
        self._refusal = Text(template, neighbour=self._neighbour.said, setting=setting, **values)
        return ConfigurationError(self._refusal)

    def _first(self) -> Token:
        credentials = self._credentials
        if credentials.token is not None:
            return Token(credentials.token, 1, _Origin.GIVEN)
        if credentials.username is not None:
            return self._login(1)
        if credentials.minting is not None:
            return self._mint(credentials.minting, 1)
        return Token(None, 1, _Origin.NONE)

    def _renewed(self, old: Token) -> Token:
        """A token that worked has ended: refresh it. A refreshed one that never worked: log in. Else give up."""
        generation = old.generation + 1
        if old.origin is _Origin.GIVEN:
            raise self._refuse(N_("{neighbour} refuses the service token. Set a valid one in {setting}_TOKEN."))
        if old.origin is _Origin.NONE:
            raise self._refuse(
                N_("{neighbour} asks for a login. Set {setting}_USERNAME and {setting}_PASSWORD, or {setting}_TOKEN.")
            )
        if old.origin is _Origin.MINTED and self._credentials.minting is not None:
            if not old.worked and self._monotonic() < old.renew_at:
                raise self._refuse(
                    N_(
                        "{neighbour} refuses the token that SyncFlow made. INTERNAL_SERVICE_JWT_SECRET must be the "
                        "same on both sides."
                    )
                )
            return self._mint(self._credentials.minting, generation)
        if old.worked or self._monotonic() >= old.renew_at:
            return self._refreshed(generation) or self._login(generation)
        if old.origin is _Origin.REFRESH:
            return self._login(generation)
        raise self._refuse(
            N_("{neighbour} refuses the token that its own login gave. See its log, and compare the two clocks.")
        )

    def _mint(self, minting: Minting, generation: int) -> Token:
        now = datetime.now(UTC)
        lifetime = timedelta(minutes=minting.expire_minutes)
        claims = {"iss": _ISSUER, "sub": _ISSUER, "iat": now, "exp": now + lifetime, "jti": token_hex(8)}
        value = jwt.encode(claims, minting.secret, algorithm=minting.algorithm)
        return Token(value, generation, _Origin.MINTED, self._renew_at(lifetime.total_seconds()))

    def _login(self, generation: int) -> Token:
        login = {"username": self._credentials.username, "password": self._credentials.password or ""}
        answer = self._post("/auth/login", login, Text("Logging in"))
        if not answer.is_success:
            raise self._refuse(
                N_(
                    "{neighbour} refuses the login of {user} (status {status}). Check {setting}_USERNAME and "
                    "{setting}_PASSWORD."
                ),
                user=str(self._credentials.username),
                status=str(answer.status),
            )
        return self._token_of(answer, generation, _Origin.LOGIN)

    def _refreshed(self, generation: int) -> Token | None:
        """None where there is no refresh token, or it is no longer taken."""
        if self._refresh_token is None:
            return None
        answer = self._post("/auth/refresh", {"refresh_token": self._refresh_token}, Text("Refreshing the token"))
        if not answer.is_success:
            self._refresh_token = None
            return None
        return self._token_of(answer, generation, _Origin.REFRESH)

    def _post(self, path: str, body: dict[str, str | None], what: Text) -> Answer:
        call = Call("POST", path, what, body=msgspec.json.encode(body))
        return self._exchange.send(call, None).without_server_trouble()

    def _token_of(self, answer: Answer, generation: int, origin: _Origin) -> Token:
        try:
            read = _LOGIN_ANSWER.decode(answer.body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ExchangeError(
                answer.error(Text("answered without a token ({error})", error=error)), applied=False
            ) from error
        self._refresh_token = read.refresh_token or self._refresh_token
        return Token(read.access_token, generation, origin, self._renew_at(read.expires_in))

    def _renew_at(self, lifetime: float | None) -> float:
        if lifetime is None or lifetime <= 0:
            return float("inf")
        least, most = _EARLY_SECONDS
        return self._monotonic() + lifetime - min(most, max(least, lifetime * _EARLY), lifetime / 2)
