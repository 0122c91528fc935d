"""GraphQL fields, one module for each part of the schema."""
