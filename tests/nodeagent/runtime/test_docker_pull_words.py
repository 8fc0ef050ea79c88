"""What registries say when a pull fails, in words that tell what to do."""

from __future__ import annotations

import pytest

from nodeagent.runtime.docker_pull_words import refusal
from nodeagent.runtime.port import Login, RuntimeRefused, WrongPlatform

LOGIN = Login("r", "puller", "pa55word", "secret/login")


@pytest.mark.parametrize(
    ("said", "login", "expected", "kind"),
    [
        pytest.param(
            "manifest for r/web:9 not found: manifest unknown: manifest unknown", None,
            "the registry has no such image: check its name and tag", RuntimeRefused, id="no-such-tag",
        ),
        pytest.param(
            'Head "http://r/v2/web/manifests/1": no basic auth credentials', None,
            "name a Secret with a login in pullSecret", RuntimeRefused, id="login-wanted",
        ),
        pytest.param(
            "pull access denied for web, repository does not exist or may require 'docker login'", None,
            "the registry wants a login, or has no such image", RuntimeRefused, id="docker-hub",
        ),
        pytest.param(
            "unauthorized: authentication required", LOGIN,
            "the registry refuses user puller of secret/login", RuntimeRefused, id="login-refused",
        ),
        pytest.param(
            "no matching manifest for linux/amd64 in the manifest list entries", None,
            "there is no variant of image r/web:9 for this kind of machine", WrongPlatform, id="no-variant",
        ),
        pytest.param(
            'choosing an image from manifest list docker://r/web:9: no image found in manifest list for architecture'
            ' amd64, variant "", OS linux', None,
            "there is no variant of image r/web:9 for this kind of machine", WrongPlatform, id="no-variant-podman",
        ),
        pytest.param("write /var: no space left on device", None, "no space left", RuntimeRefused, id="others"),
    ],
)  # fmt: skip
def test_a_refusal_says_what_to_do_and_keeps_the_words(
    said: str, login: Login | None, expected: str, kind: type[RuntimeRefused]
) -> None:
    found = refusal("r/web:9", login, said)
    assert type(found) is kind
    assert expected in str(found)
    assert said in str(found)


def test_no_repr_shows_a_password() -> None:
    assert "pa55word" not in repr(LOGIN)
