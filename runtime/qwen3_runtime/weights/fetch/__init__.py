"""Brings a source of weights onto a volume, in a process of its own.

The process imports the clients of hubs and buckets, so that PID 1 stays small and never waits for a disk or a name
server; and since it may be killed at any byte, nothing it leaves behind can look like a whole model.
"""
