"""How pixels become events, and how people ask and see."""
