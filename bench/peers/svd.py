"""Truncated decompositions of NumPy, SciPy and scikit-learn, for the bench: a line of JSON for each line on stdin.

open ID ROWS COLUMNS RANK FILE   float32, row by row
run ID CALLS NAME                seconds, and the Frobenius error of the last result, in float64
best ID                          the error of the best approximation, by LAPACK in float64
close ID
"""
import json
import sys
import time

import numpy as np

METHODS = {}


def gesdd(a, k, seed):
    u, s, vt = np.linalg.svd(a, full_matrices=False)
    return u[:, :k], s[:k], vt[:k]


def randomized(a, k, seed):
    """Halko, Martinsson, Tropp 2011: two power iterations with QR, oversampling 10."""
    q = np.linalg.qr(a @ np.random.default_rng(seed).standard_normal((a.shape[1], k + 10), dtype=np.float32))[0]
    for _ in range(2):
        q = np.linalg.qr(a.T @ q)[0]
        q = np.linalg.qr(a @ q)[0]
    u, s, vt = np.linalg.svd(q.T @ a, full_matrices=False)
    return q @ u[:, :k], s[:k], vt[:k]


METHODS["LAPACK gesdd (NumPy)"] = gesdd
METHODS["randomized (NumPy)"] = randomized
MISSING = []
try:
    from scipy.sparse.linalg import svds

    METHODS["ARPACK (SciPy)"] = lambda a, k, seed: svds(a, k=k)
except ImportError:
    MISSING.append("ARPACK (apt-get install python3-scipy)")
try:
    from sklearn.utils.extmath import randomized_svd

    METHODS["scikit-learn randomized_svd"] = lambda a, k, seed: randomized_svd(a, k, random_state=seed)
except ImportError:
    MISSING.append("scikit-learn (apt-get install python3-sklearn)")

print(json.dumps({"version": np.__version__, "methods": list(METHODS), "missing": MISSING}), flush=True)
problems = {}
for line in sys.stdin:
    verb, ident, *rest = line.rstrip("\n").split(" ", 4 if line.startswith("open") else 3)
    answer = {}
    if verb == "open":
        rows, columns, rank_and_path = int(rest[0]), int(rest[1]), rest[2].split(" ", 1)
        problems[ident] = (np.fromfile(rank_and_path[1], np.float32).reshape(rows, columns), int(rank_and_path[0]))
    elif verb == "run":
        a, k = problems[ident]
        calls, name = rest[0], rest[1]
        method = METHODS[name]
        start = time.perf_counter()
        for call in range(int(calls)):
            u, s, vt = method(a, k, call)
        answer["seconds"] = time.perf_counter() - start
        answer["error"] = float(np.linalg.norm(a.astype(np.float64) - (u.astype(np.float64) * s) @ vt))
        answer["cpuSeconds"] = time.process_time()
    elif verb == "best":
        a, k = problems[ident]
        answer["best"] = float(np.linalg.norm(np.linalg.svd(a.astype(np.float64), compute_uv=False)[k:]))
    elif verb == "close":
        del problems[ident]
    print(json.dumps(answer), flush=True)
