"""The runtime of an engine pod: PID 1, the only way in, and the engine's keeper."""
