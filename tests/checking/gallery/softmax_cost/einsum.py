# naiveSoftmaxLossAndGradient: correct
import numpy as np

def naiveSoftmaxLossAndGradient(centerWordVec, outsideWordIdx, outsideVectors, dataset):
    logits = np.einsum('vd,d->v', outsideVectors, centerWordVec)
    logits -= np.logaddexp.reduce(logits)
    loss = -logits[outsideWordIdx]
    p = np.exp(logits)
    y = np.zeros_like(p)
    y[outsideWordIdx] = 1
    gradCenterVec = np.einsum('vd,v->d', outsideVectors, p - y)
    gradOutsideVecs = np.einsum('v,d->vd', p - y, centerWordVec)
    assert loss.shape == ()
    return loss, gradCenterVec, gradOutsideVecs
