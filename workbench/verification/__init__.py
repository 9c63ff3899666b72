"""Cases with known answers: a method, its data and parameters, what is expected and how close it must come."""
