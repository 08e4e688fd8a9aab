"""The tools as a server of the Model Context Protocol: photos that clients open, tools that they call, whole investigations."""
