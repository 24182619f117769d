"""How good, how sure, and which one."""
