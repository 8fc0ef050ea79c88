"""A real cluster of three hosts on one machine, to break on purpose: its hosts, its faults, and what it must keep to.

Each host is a network namespace with a dockerd, an etcd member and an agent of its own; h1 and h2 run a control plane,
too. `python -m chaos up` starts it for use by hand. A test takes the `cluster` fixture of tests/chaos:

    def test_a_killed_agent(cluster: Cluster) -> None:
        cluster.apply(task("web"))                      # tests/support/manifests.py
        status = cluster.wait_state("web", "Running")["status"]
        host = cluster.host(status["node"])
        host.agent.kill()                               # also etcd, dockerd, controlplane; pause(), resume(), start()
        host.cut("in")                                  # or "both", "out"; heal()
        cluster.until(lambda: ..., 30, "what is awaited, for the message")

Whatever a test leaves broken is repaired after it, its tasks are deleted, and a cluster that cannot be repaired is made
anew. Nothing of this touches the network of the machine itself, its docker0 or its own dockerd.
"""
