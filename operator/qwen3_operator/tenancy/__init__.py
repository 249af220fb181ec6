"""Tenants of the gateway: what they may use, compiled for the gateway; what they used, in their status."""
