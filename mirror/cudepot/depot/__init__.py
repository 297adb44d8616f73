"""The machinery of a run: what verbs and kinds work on and with."""
