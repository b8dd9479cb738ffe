// Orthogonalization of n vectors that are given by their inner products: the formulas of
// studio/geometry/orthogonal.py over a whole model, in float64 as there.
function cosines(gram) { // a vector of length 0 has cosine 0 with all others
  const norms = gram.map((row, i) => Math.sqrt(Math.max(row[i], 0)));
  return gram.map((row, i) => row.map((x, j) => {
    const scale = norms[i] * norms[j];
    return i === j ? 1 : scale > 0 ? x / scale : 0;
  }));
}

function product(a, b) {
  return a.map((row) => b[0].map((_, j) => row.reduce((sum, x, k) => sum + x * b[k][j], 0)));
}

function transposed(a) {
  return a[0].map((_, j) => a.map((row) => row[j]));
}

function arrival(gram) { // Gram-Schmidt, twice, so that rounding leaves no angle
  const n = gram.length;
  const rows = [];
  const shares = [];
  const inner = (a, b) => a.reduce((sum, x, k) => sum + x * gram[k].reduce((s, y, l) => s + y * b[l], 0), 0);
  for (let i = 0; i < n; i += 1) {
    let row = gram.map((_, j) => (i === j ? 1 : 0));
    for (let pass = 0; pass < 2; pass += 1) {
      for (const before of rows) {
        const length = inner(before, before);
        const factor = length > 0 ? inner(before, row) / length : 0;
        row = row.map((x, k) => x - factor * before[k]);
      }
    }
    const share = gram[i][i] > 0 ? Math.max(inner(row, row) / gram[i][i], 0) : 1;
    shares.push(share);
    rows.push(share >= 1e-8 ? row : row.map(() => 0));
  }
  return { rows, shares };
}

function eigen(matrix) { // of a symmetric matrix, by Jacobi's rotations
  const n = matrix.length;
  const a = matrix.map((row) => [...row]);
  const v = matrix.map((_, i) => matrix.map((__, j) => (i === j ? 1 : 0)));
  for (let sweep = 0; sweep < 60; sweep += 1) {
    for (let p = 0; p < n; p += 1) {
      for (let q = p + 1; q < n; q += 1) {
        if (Math.abs(a[p][q]) < 1e-300) continue;
        const theta = (a[q][q] - a[p][p]) / (2 * a[p][q]);
        const t = (theta >= 0 ? 1 : -1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
        const c = 1 / Math.sqrt(t * t + 1);
        const s = t * c;
        for (let k = 0; k < n; k += 1) [a[k][p], a[k][q]] = [c * a[k][p] - s * a[k][q], s * a[k][p] + c * a[k][q]];
        for (let k = 0; k < n; k += 1) [a[p][k], a[q][k]] = [c * a[p][k] - s * a[q][k], s * a[p][k] + c * a[q][k]];
        for (let k = 0; k < n; k += 1) [v[k][p], v[k][q]] = [c * v[k][p] - s * v[k][q], s * v[k][p] + c * v[k][q]];
      }
    }
  }
  return { values: a.map((row, i) => row[i]), vectors: v };
}

function symmetric(gram) { // Loewdin: all alike
  const n = gram.length;
  const norms = gram.map((row, i) => Math.sqrt(Math.max(row[i], 0)));
  const { values, vectors } = eigen(cosines(gram));
  const weighed = (weight) => product(vectors.map((row) => row.map((x, k) => x * weight(values[k]))), transposed(vectors));
  const root = weighed((x) => (x > 1e-8 / n ? 1 / Math.sqrt(x) : 0));
  const inverse = weighed((x) => 1 / Math.max(x, 1e-14));
  const rows = root.map((row, i) => row.map((x, j) => {
    if (norms[i] === 0) return i === j ? 1 : 0;
    return (norms[i] * x) / (norms[j] > 0 ? norms[j] : 1);
  }));
  return { rows, shares: inverse.map((row, i) => (norms[i] > 0 ? 1 / row[i] : 1)) };
}

// Args: inner products; 'symmetric', or the places of the vectors in order of arrival; 0 to 1.
// Returns the components as rows of coefficients of the vectors, the share of each squared length
// that is the vector's own, and the inner products of the components.
function components(gram, order, strength) {
  let made;
  if (order === 'symmetric') made = symmetric(gram);
  else {
    const found = arrival(order.map((i) => order.map((j) => gram[i][j])));
    const place = gram.map((_, i) => order.indexOf(i));
    made = {
      rows: place.map((i) => place.map((j) => found.rows[i][j])),
      shares: place.map((i) => found.shares[i]),
    };
  }
  const rows = made.rows.map((row, i) => row.map((x, j) => {
    const own = i === j ? 1 : 0;
    return own + strength * (x - own);
  }));
  return { rows, shares: made.shares, gram: product(product(rows, gram), transposed(rows)) };
}

function arrowsOf(gram) { // vectors with these inner products, by Cholesky's formula; null if there are none
  const n = gram.length;
  const made = gram.map(() => gram.map(() => 0));
  for (let i = 0; i < n; i += 1) {
    for (let j = 0; j <= i; j += 1) {
      let left = gram[i][j];
      for (let k = 0; k < j; k += 1) left -= made[i][k] * made[j][k];
      if (i === j) {
        if (left < -1e-9 * Math.max(gram[i][i], 1e-300)) return null;
        made[i][i] = Math.sqrt(Math.max(left, 0));
      } else made[i][j] = made[j][j] > 1e-12 ? left / made[j][j] : 0;
    }
  }
  return made;
}
