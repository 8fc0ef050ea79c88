"""What a registry or dockerd says when a pull fails → an error that says what to do. Pure; called by docker_pull.py.

dockerd passes on what registries answer, each in words of its own, so the words themselves stay in brackets.
"""

from __future__ import annotations

from nodeagent.runtime.port import Login, RuntimeRefused, WrongPlatform

_NO_PLATFORM = (
    "no matching manifest for",
    "does not match the specified platform",
    "no match for platform",
    "no image found in manifest list for architecture",  # Podman's.
)
_NO_LOGIN = ("unauthorized", "no basic auth credentials", "authentication required", "denied", "incorrect username")
_NOT_THERE = ("manifest unknown", "name unknown", "not known to registry", "not found")


def refusal(image: str, login: Login | None, said: str) -> RuntimeRefused:
    lower = said.lower()
    if any(words in lower for words in _NO_PLATFORM):
        return WrongPlatform(f"there is no variant of image {image} for this kind of machine ({said})")
    if any(words in lower for words in _NO_LOGIN):
        if login is not None:
            return RuntimeRefused(
                f"the registry refuses user {login.username} of {login.source}, or has no such image ({said})"
            )
        return RuntimeRefused(
            f"the registry wants a login, or has no such image: check the name, or name a Secret with a login in"
            f" pullSecret ({said})"
        )
    if any(words in lower for words in _NOT_THERE):
        return RuntimeRefused(f"the registry has no such image: check its name and tag ({said})")
    return RuntimeRefused(said)
