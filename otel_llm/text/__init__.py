"""Facts about texts, by the standard library alone: the app's process reads them too."""
