"""Facts about texts. Needs the standard library alone, because the app's process uses this package too."""
