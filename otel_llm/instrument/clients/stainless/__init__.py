"""The common internals of clients that Stainless generates: openai, anthropic, groq, together and others."""
