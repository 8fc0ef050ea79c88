"""Images by tag and by digest: how a container is made of exactly the image that its tag stands for now. Pure."""

from __future__ import annotations

from nodeagent.runtime.port import ImageInfo


def pinned(image: str, found: ImageInfo) -> str:
    """As a container of it is to be created: what the tag will stand for later does not matter to it."""
    return f"{image}@{found.digest}" if found.digest and "@" not in image else image


def digest_of(image: str) -> str:
    """`sha256:…`; empty when it is named by its tag alone."""
    return image.partition("@")[2]


def foreign(image: str, found: ImageInfo) -> str:
    """Why it cannot run here; empty when it can."""
    return f"image {image} is for {found.foreign}, and this node is not: name another tag" if found.foreign else ""
