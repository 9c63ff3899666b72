"""What the workbench costs and how right it is, each measured against a named peer or bound in the same run."""
