"""What the templates see: plain values, every decision made."""
