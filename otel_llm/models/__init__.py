"""Models of other libraries, exported as evaluators; installed evaluators, listed and checked."""
