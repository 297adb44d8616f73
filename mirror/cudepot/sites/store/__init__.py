"""Sites that are in the store already: nothing is copied, one pointer says what is shown (``docs/adr/0062``)."""
