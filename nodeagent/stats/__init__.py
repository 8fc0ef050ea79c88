"""What the node and its tasks use, measured from the kernel and put in the store under the lease."""
