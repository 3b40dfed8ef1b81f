"""From what people have to a folder in BEIR layout: files, tables, databases and data sets elsewhere."""
