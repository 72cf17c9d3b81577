"""PecanPy by its command line and by its defaults."""

from client import Client

CLIENT = Client(
    "pecanpy_command", "pecanpy", ("pecanpy",), changed=("pecanpy",), modules=("pecanpy",), environment="pecanpy_karate"
)
