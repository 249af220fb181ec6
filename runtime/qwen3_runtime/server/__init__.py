"""The two HTTP servers of the pod: the OpenAI API in front of the engine, and management."""
