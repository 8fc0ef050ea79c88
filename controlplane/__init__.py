"""Decides: admission, the REST facade, the scheduler, the controllers and the manifests folder."""
