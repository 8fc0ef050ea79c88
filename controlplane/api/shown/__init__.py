"""Objects as the API shows them, and which of them are selected. Pure over the cache."""
