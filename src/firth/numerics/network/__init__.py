"""Room numerics: loss and gradient of the two-layer network: sigmoid hidden layer, softmax output, packed parameters.

These functions do not train. ``firth.estimators.SigmoidNetworkClassifier`` trains the network and calls them.

Tests: tests/numerics/test_network.py.
"""

from firth.numerics.network.functions import network_log_probabilities, network_loss_and_gradient, network_probabilities
from firth.numerics.network.layout import NetworkParameters, NetworkSizes, pack_network, unpack_network
from firth.numerics.network.objective import NetworkObjective, NetworkWorkspace

__all__ = [
    "NetworkObjective",
    "NetworkParameters",
    "NetworkSizes",
    "NetworkWorkspace",
    "network_log_probabilities",
    "network_loss_and_gradient",
    "network_probabilities",
    "pack_network",
    "unpack_network",
]
