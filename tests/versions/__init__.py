"""Plan versions: which plan pays an order, and periods that several pay."""
