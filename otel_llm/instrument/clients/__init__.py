"""One folder for each client library. A client maps fields to the contract, and does nothing else."""
