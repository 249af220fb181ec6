"""The front door of all tenants: keys, limits, the queue, forwarding, metering."""
