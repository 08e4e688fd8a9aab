"""Search engines, the page fetcher, and the offline index behind `search_web` and `read_page`."""
