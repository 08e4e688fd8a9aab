"""An HTTP API and a web page for talking about where photos were taken."""
