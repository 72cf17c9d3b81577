"""PecanPy: walks on a graph and their vectors."""

from client import Client

CLIENT = Client("pecanpy_karate", "pecanpy", ("pecanpy",), changed=("pecanpy",), modules=("pecanpy",))
