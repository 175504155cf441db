"""Any Markdown document with headings, requirements and check lists. What is taken for what stands in ``docs/formats-markdown.md``."""
