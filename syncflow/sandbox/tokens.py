"""Tokens of one neighbour: JWTs (HS256) with expiry and refresh, a static service token, internally minted tokens."""

import hmac
import secrets
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import jwt

from syncflow.sandbox.errors import ApiError

ALGORITHM = "HS256"
INTERNAL_NAME = "syncflow"
"""`iss` or `sub` of a token that SyncFlow minted for itself from the shared internal secret (wire contract)."""


@dataclass(frozen=True)
class TokenOptions:
    """Who may log in, and how long a token lasts. `secret` signs; without one a random secret is made at start, so
    tokens do not outlive the server. `service_token` and `internal_secret` are two more ways in when they are set."""

    username: str = "syncflow"
    password: str = "syncflow"  # noqa: S105 - the sandbox's published default
    secret: str | None = None
    service_token: str | None = None
    internal_secret: str | None = None
    lifetime: timedelta = timedelta(minutes=15)
    refresh_lifetime: timedelta = timedelta(hours=24)


class TokenDesk:
    """Issues and checks the tokens of one server. Thread-safe."""

    def __init__(self, issuer: str, options: TokenOptions) -> None:
        self._issuer = issuer
        self._options = options
        self._secret = options.secret or secrets.token_hex(32)
        self._lock = threading.Lock()
        self._generation = {"access": 0, "refresh": 0}
        self._internal_seen: set[str] = set()
        self._internal_revoked: set[str] = set()

    def login(self, username: str, password: str) -> dict[str, object]:
        """Exchange a password for tokens; ApiError 401 when it is wrong."""
        known = hmac.compare_digest(username.encode(), self._options.username.encode())
        if not (hmac.compare_digest(password.encode(), self._options.password.encode()) and known):
            raise ApiError(401, "User name or password is wrong.", code="login_refused")
        return {
            "access_token": self._issue("access", self._options.lifetime),
            "refresh_token": self._issue("refresh", self._options.refresh_lifetime),
            "token_type": "bearer",
            "expires_in": int(self._options.lifetime.total_seconds()),
        }

    def refresh(self, refresh_token: str) -> dict[str, object]:
        """Exchange a refresh token for an access token; ApiError 401 when it is not valid any more."""
        self._check(refresh_token, "refresh")
        return {
            "access_token": self._issue("access", self._options.lifetime),
            "token_type": "bearer",
            "expires_in": int(self._options.lifetime.total_seconds()),
        }

    def check(self, token: str) -> None:
        """Let a bearer token pass or raise ApiError 401."""
        service_token = self._options.service_token
        if service_token is not None and hmac.compare_digest(token.encode(), service_token.encode()):
            return
        if not self._is_internal(token):
            self._check(token, "access")

    def expire_all(self, *, refresh_tokens: bool = False) -> None:
        """End every access token that is out now; the service token stays."""
        with self._lock:
            self._generation["access"] += 1
            self._generation["refresh"] += refresh_tokens
            self._internal_revoked |= self._internal_seen

    def _issue(self, use: str, lifetime: timedelta) -> str:
        now = datetime.now(UTC)
        claims = {"iss": self._issuer, "sub": self._options.username, "use": use, "iat": now, "exp": now + lifetime}
        marks = {"jti": secrets.token_hex(8), "generation": self._generation[use]}
        return jwt.encode({**claims, **marks}, self._secret, ALGORITHM)

    def _check(self, token: str, use: str) -> None:
        try:
            claims = jwt.decode(token, self._secret, [ALGORITHM], issuer=self._issuer)
        except jwt.ExpiredSignatureError as error:
            raise ApiError(401, "The token has expired.", code="token_expired") from error
        except jwt.InvalidTokenError as error:
            raise ApiError(401, "The token is not valid.", code="token_invalid") from error
        if claims.get("use") != use:
            raise ApiError(401, f"This is not an {use} token.", code="token_invalid")
        if claims.get("generation") != self._generation[use]:
            raise ApiError(401, "The token has expired.", code="token_expired")

    def _is_internal(self, token: str) -> bool:
        if self._options.internal_secret is None:
            return False
        try:
            claims = jwt.decode(
                token, self._options.internal_secret, [ALGORITHM], options={"require": ["exp"], "verify_aud": False}
            )
        except jwt.InvalidTokenError:
            return False
        with self._lock:
            self._internal_seen.add(token)
            return INTERNAL_NAME in (claims.get("iss"), claims.get("sub")) and token not in self._internal_revoked
