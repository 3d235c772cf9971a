"""Everything at once on one machine: the servers, the example application, and a live view of its calls."""
