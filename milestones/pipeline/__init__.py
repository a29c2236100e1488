"""The one path: observe, decide, record. Start with ``observe``."""
