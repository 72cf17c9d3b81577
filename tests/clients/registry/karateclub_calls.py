"""Karate Club 1.3.3 pins NumPy below 1.23, so its calls of gensim are repeated."""

from client import Client

CLIENT = Client("karateclub_calls", "karateclub", ("networkx",), modules=("networkx",), note="its calls repeated")
