"""The imperative shell of the two machines: one writer, the attempts, the alarm, and the clock."""
