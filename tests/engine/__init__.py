"""The engine through its public API, against its slow twin and its laws."""
