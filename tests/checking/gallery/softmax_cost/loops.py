# softmaxCostAndGradient: correct
import math

def softmaxCostAndGradient(predicted, target, outputVectors, dataset):
    scores = []
    for row in outputVectors:
        total = 0.0
        for a, b in zip(row, predicted):
            total += a * b
        scores.append(total)
    biggest = max(scores)
    exps = [math.exp(s - biggest) for s in scores]
    Z = sum(exps)
    cost = -(scores[target] - biggest - math.log(Z))
    gradPred = [0.0] * len(predicted)
    grad = []
    for w in xrange(len(outputVectors)):
        p = exps[w] / Z
        err = p - 1 if w == target else p
        for d in xrange(len(predicted)):
            gradPred[d] += err * outputVectors[w][d]
        grad.append([err * x for x in predicted])
    return cost, gradPred, grad
