"""The life of a call, from the patched method to the end of the span, for every client."""
