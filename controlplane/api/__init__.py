"""The REST facade: Falcon on ASGI. Reads come from the cache, writes go through controlplane/admission.

`application` puts the routes together and `server` serves them. Below it, each standing on the next: what is asked of
containers, of placement and of the past; objects; watches; HTTP itself; and how things are shown.
"""
