# softmaxCostAndGradient: broken, codes not-implemented
def softmaxCostAndGradient(predicted, target, outputVectors, dataset):
    ### YOUR CODE HERE
    raise NotImplementedError
    ### END YOUR CODE
    return cost, gradPred, grad
