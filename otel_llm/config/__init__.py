"""The one place where settings and environment variables are read and checked, one file per part."""
