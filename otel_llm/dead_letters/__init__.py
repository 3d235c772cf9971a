"""Requests that could not be decoded, evaluated or delivered: kept in a file, shown, and sent again.

Order of the modules: letter < file < writer | lines < resend < replay.
"""
