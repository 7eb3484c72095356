"""Cases with numbers from published plans, other engines and papers, as readable data."""
