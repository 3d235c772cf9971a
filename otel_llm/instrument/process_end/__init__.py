"""The end of a process: the calls that have ended are delivered first, however the process ends.

| the process ends | module |
|---|---|
| normally: last line, `sys.exit`, an exception | `normal_end`: our own work, then all exit handlers |
| by a signal whose action is the default | `signals` |
| at once, by its own code, as children of `multiprocessing` do by `os._exit` | `sudden_end` |
"""
