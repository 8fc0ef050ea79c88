"""The watched folder: what its manifests declare is in the store, and what they no longer declare is not."""

from controlplane.folder.folder import ManifestsFolder

__all__ = ["ManifestsFolder"]
