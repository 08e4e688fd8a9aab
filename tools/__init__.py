"""What a policy may call. Each tool is one file; every one answers in words and in evidence."""
