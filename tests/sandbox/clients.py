"""Clients of the sandbox's servers."""

import httpx


def logged_in(url: str) -> httpx.Client:
    """A client with a token; its base URL ends with /api/v1."""
    body = {"username": "syncflow", "password": "syncflow"}
    answer = httpx.post(f"{url}/api/v1/auth/login", json=body)
    headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    return httpx.Client(base_url=f"{url}/api/v1", timeout=30, headers=headers)
