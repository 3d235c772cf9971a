"""The way of one record through the service."""
