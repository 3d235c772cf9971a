"""What evaluators and threads of tests do."""


def fine():
    pass


def failing():
    raise ZeroDivisionError
