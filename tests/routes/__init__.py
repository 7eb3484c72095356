"""The sponsor route against a naive climb."""
