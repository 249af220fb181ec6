"""Other autoscalers as their sources and manuals describe them, on the simulated fleet: each like its name, not it."""
