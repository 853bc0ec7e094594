"""Any served model, asked by what the server says about it."""
