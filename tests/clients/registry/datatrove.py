"""datatrove: its language filter and its classifier filter. It asks for the version of a fastText that is installed."""

from client import Client

CLIENT = Client(
    "datatrove",
    "datatrove",
    ("datatrove[processing]==0.10.1",),
    changed=("datatrove",),
    modules=("datatrove", "fasteners"),
    data=("interop/lid.176.ftz", "interop/cooking.model.bin"),
)
