"""The pieces of the Explore page: what is pinned, selected, found and shown on the live map."""
