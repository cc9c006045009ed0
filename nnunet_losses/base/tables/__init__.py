"""Tables: what each one holds (`schema`, `results`), how they are stored (`storage`) and shown (`spreadsheet`)."""
