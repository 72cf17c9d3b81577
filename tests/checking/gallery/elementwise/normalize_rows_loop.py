# normalize_rows: correct
def normalize_rows(matrix):
    out = []
    for row in matrix:
        length = sum(v * v for v in row) ** 0.5
        out.append([v / length for v in row])
    return out
