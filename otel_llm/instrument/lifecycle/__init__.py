"""From the patched method to the span's end, whatever the client."""
