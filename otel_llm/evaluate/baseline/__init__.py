"""A file of texts as the reference that drift is measured from."""
