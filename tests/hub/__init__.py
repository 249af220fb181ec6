"""A stand-in for the hubs: a real HTTP server that speaks their APIs and fails on request."""
