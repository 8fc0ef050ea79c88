"""The watchdog: a process of its own that kills a node's singletons before the node's lease can have expired.

It outlives the agent, needs neither dockerd nor the store, and imports next to nothing. The agent talks to it through
`nodeagent.guard`; `sentinel` decides, `processes` finds and signals, `__main__` is the loop around both.
"""

SOCKET = "watchdog.sock"
"""In the agent's data folder."""
