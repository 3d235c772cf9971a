"""GET /v1/realtime, a WebSocket: the Realtime API."""
