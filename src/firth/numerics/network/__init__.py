"""Room numerics: loss and gradient of the two-layer network: sigmoid hidden layer, softmax output, packed parameters.

It trains nothing: ``firth.estimators.SigmoidNetworkClassifier`` does, by calling what stands here.

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
