"""What is measured; each module has measure(bench), which makes rows."""
