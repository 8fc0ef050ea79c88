"""The client of the REST facade: typed calls, typed errors, watches that resume, logs that stream.

Used by the command line and by whoever scripts Taskyard in Python. It knows HTTP and the shapes of the answers; what is
printed is the command line's. Import from the modules: `taskyard.client.api.Client` is where to start.
"""
