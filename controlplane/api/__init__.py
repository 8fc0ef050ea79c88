"""The REST facade: Falcon on ASGI. Reads come from the cache, writes go through controlplane/admission."""
