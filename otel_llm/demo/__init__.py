"""The demo: all servers and an example application on one machine, with a live view of the calls."""
