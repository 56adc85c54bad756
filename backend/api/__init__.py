"""HTTP: sign-in, webhooks, downloads, health. Mounted beside the dashboard on one port."""
