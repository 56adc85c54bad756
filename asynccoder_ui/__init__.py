"""The dashboard: pages that draw, States that remember what a visitor looks at, and nothing that decides."""
