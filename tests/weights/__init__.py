"""Fetching weights by real processes over real sockets: hubs (tests/hub), an S3 server, kills, shared volumes."""
