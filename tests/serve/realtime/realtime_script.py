"""The script that the tests of the Realtime API run."""

SCRIPT = """
[[rule]]
answer = "Hello there."

[[rule]]
match = "slow"
answer = "One two."
chunk_delay_s = 60

[[rule]]
match = "cut"
answer = "One two."
finish_reason = "length"

[[rule]]
match = "break"
answer = "One two."
break_after_chunks = 1

[[rule]]
match = "outage"
status = 503
error = { message = "No more.", code = "overloaded" }

[[rule]]
match = "weather"
tool_calls = [{ name = "weather", arguments = { city = "Graz" } }]
"""
