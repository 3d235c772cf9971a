"""Content is masked or removed before a span is passed on."""
