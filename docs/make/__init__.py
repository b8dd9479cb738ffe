"""Programs that write the parts of the documents which must not lie: options, tables, pictures."""
