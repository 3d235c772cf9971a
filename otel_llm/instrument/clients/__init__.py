"""One folder for each client library: it maps fields to the contract, and does nothing else."""
