"""Values in artifacts: tables, images and others as files that are read back as what they were."""
