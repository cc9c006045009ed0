"""Tables: what each one holds (`schema`, `results`), and how they are stored (`storage`)."""
