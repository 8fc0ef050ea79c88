"""What both planes speak, and what a user imports or types: objects, store, client and command line."""

__version__ = "0.1.0"
