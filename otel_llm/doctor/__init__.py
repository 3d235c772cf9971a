"""What is installed, instrumented, exported, reachable, evaluated and scraped, and what is missing."""
