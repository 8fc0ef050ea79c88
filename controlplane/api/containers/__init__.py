"""What only a node's agent can answer: logs, files, consoles and usage of its containers, passed on as it comes."""
