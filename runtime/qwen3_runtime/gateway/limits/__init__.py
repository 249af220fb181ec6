"""Limits and quotas of tenants: what a request needs is reserved at its arrival and settled by what it used."""
