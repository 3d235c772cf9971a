"""The context and the question in a prompt, told apart by the delimiters of the templates that frameworks ship."""
