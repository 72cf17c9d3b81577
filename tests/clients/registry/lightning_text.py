"""lightning-text: fastText's classifier as an estimator of scikit-learn."""

from client import Client

CLIENT = Client(
    "lightning_text",
    "lightning-text",
    ("lightning-text==1.0.0",),
    changed=("lightning_text",),
    modules=("lightning_text", "sklearn"),
)
